//! What `generate.py` has written.

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// One case of an operation, with the tensors of all.
pub struct Case {
    pub name: String,
    pub operation: String,
    pub kind: String,
    pub parameters: Value,
    tensors: Arc<HashMap<String, Tensor>>,
}

pub fn cases(file: &Path) -> Vec<Case> {
    let bytes = std::fs::read(file).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let list: Vec<Value> = serde_json::from_str(&header.metadata().as_ref().unwrap()["cases"]).unwrap();
    let tensors = Arc::new(candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap());
    let text = |case: &Value, key: &str| case[key].as_str().unwrap().to_string();
    let case = |case: &Value| Case {
        name: text(case, "name"),
        operation: text(case, "operation"),
        kind: text(case, "kind"),
        parameters: case["parameters"].clone(),
        tensors: tensors.clone(),
    };
    list.iter().map(case).collect()
}

impl Case {
    /// A tensor of this case.
    pub fn get(&self, what: &str) -> Option<&Tensor> {
        self.tensors.get(&format!("{}/{what}", self.name))
    }

    /// All inputs, in order.
    pub fn inputs(&self) -> Vec<&Tensor> {
        (0..).map_while(|i| self.get(&format!("in.{i}"))).collect()
    }

    pub fn number(&self, key: &str) -> f64 {
        self.parameters[key].as_f64().unwrap_or(0.0)
    }

    pub fn size(&self, key: &str) -> usize {
        self.parameters[key].as_u64().unwrap() as usize
    }

    pub fn flag(&self, key: &str) -> bool {
        self.parameters[key].as_bool().unwrap_or(false)
    }

    pub fn text(&self, key: &str) -> &str {
        self.parameters[key].as_str().unwrap()
    }

    pub fn pair(&self, key: &str) -> [usize; 2] {
        let pair = self.parameters[key].as_array().unwrap();
        [0, 1].map(|i| pair[i].as_u64().unwrap() as usize)
    }
}

/// `‖ours − theirs‖ / ‖theirs‖`, or the difference itself where theirs is nothing.
pub fn deviation(case: &Case, what: &str, ours: &Tensor) -> f64 {
    let Some(theirs) = case.get(what) else { panic!("{} has no {what}", case.name) };
    let doubles = |xs: &Tensor| -> Vec<f64> {
        let floats: Vec<f32> = xs.flatten_all().unwrap().to_vec1().unwrap();
        floats.into_iter().map(f64::from).collect()
    };
    assert_eq!(ours.elem_count(), theirs.elem_count(), "{} {what}: {:?}", case.name, ours.dims());
    let (ours, theirs) = (doubles(ours), doubles(theirs));
    let norm = |xs: &mut dyn Iterator<Item = f64>| xs.map(|x| x * x).sum::<f64>().sqrt();
    let apart = norm(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
    let size = norm(&mut theirs.iter().copied());
    assert!(ours.iter().all(|x| x.is_finite()), "{} {what} is not finite", case.name);
    if size > 0.0 { apart / size } else { apart }
}
