//! Where to compute.

use crate::{Error, Result};
use candle_core::{DType, Device, Shape, Tensor};
use half::bf16;

/// Where to compute: a CUDA GPU, where the feature `cuda` and a GPU are there, else the CPU. Prints which.
///
/// The layers' kernels for the GPU have not yet run on one: they are checked on an emulated one only.
///
/// ```no_run
/// let device = tgs_salt::device()?;
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// None today.
pub fn device() -> Result<Device> {
    let why = match gpu() {
        Ok(device) => {
            println!("device: CUDA GPU 0");
            return Ok(device);
        }
        Err(why) => why,
    };
    println!("device: CPU with {} threads ({why})", rayon::current_num_threads());
    Ok(Device::Cpu)
}

/// The GPU, or why there is none. Without a driver cudarc panics when it looks for it; here that is an answer like another.
#[cfg(feature = "cuda")]
fn gpu() -> std::result::Result<Device, String> {
    let silent = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let device = std::panic::catch_unwind(|| super::cuda::new_device(0));
    std::panic::set_hook(silent);
    match device {
        Ok(Ok(device)) => Ok(device),
        Ok(Err(why)) => Err(format!("no CUDA GPU: {}", why.to_string().lines().next().unwrap_or_default())),
        Err(_) => Err("no CUDA GPU: the driver's library is missing".into()),
    }
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> std::result::Result<Device, &'static str> {
    Err("built without the feature `cuda`")
}

/// A tensor of these values on `device`, from any thread; rounded to bf16 before they go there where that is asked for.
pub(crate) fn upload(
    values: Vec<f32>,
    shape: impl Into<Shape>,
    (device, dtype): (&Device, DType),
) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    let _apart = super::cuda::apart_from_recording();
    let tensor = match dtype {
        DType::BF16 => {
            let rounded: Vec<bf16> = values.into_iter().map(bf16::from_f32).collect();
            Tensor::from_vec(rounded, shape.into(), device)
        }
        _ => Tensor::from_vec(values, shape.into(), device),
    };
    tensor.map_err(Error::tensor("copy to the device"))
}

/// The devices that the layers have kernels for.
pub(crate) fn check_device(device: &Device) -> Result<()> {
    if device.is_cpu() || (cfg!(feature = "cuda") && device.is_cuda()) {
        return Ok(());
    }
    let got = format!("{:?}", device.location());
    Err(Error::Config { field: "device", got, expected: "that of tgs_salt::device()".into() })
}
