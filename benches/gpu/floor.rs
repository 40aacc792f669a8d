//! The time below which a network cannot get on a GPU: all its products at the speed of the tensor cores, and all passes
//! over its activations at the speed of memory.

use tgs_salt::candle_core::DType;

/// One convolution, with the normalization behind it.
struct Layer {
    inputs: f64,
    outputs: f64,
    products: f64,
}

/// The convolutions of a network for one image.
#[derive(Default)]
struct Layers(Vec<Layer>);

impl Layers {
    /// From `channels[0]` to `channels[1]`, giving images of `size`; the input is `stride` times as large.
    fn conv(&mut self, channels: [usize; 2], kernel: usize, size: usize, stride: usize) {
        let [from, to] = channels.map(|channels| channels as f64);
        let (pixels, input) = ((size * size) as f64, (size * stride).pow(2) as f64);
        let products = from * to * (kernel * kernel) as f64 * pixels;
        self.0.push(Layer { inputs: from * input, outputs: to * pixels, products });
    }

    /// A transposed convolution of stride 2 to images of `size`.
    fn up(&mut self, channels: [usize; 2], kernel: usize, size: usize) {
        let [from, to] = channels.map(|channels| channels as f64);
        let (pixels, input) = ((size * size) as f64, (size * size / 4) as f64);
        let products = from * to * (kernel * kernel) as f64 * input;
        self.0.push(Layer { inputs: from * input, outputs: to * pixels, products });
    }
}

fn resnet34(size: usize) -> Layers {
    let mut layers = Layers::default();
    layers.conv([3, 64], 7, size / 2, 2);
    let mut before = 64;
    for (stage, (blocks, channels)) in [(3, 64), (4, 128), (6, 256), (3, 512)].into_iter().enumerate() {
        let here = size >> (stage + 2);
        for block in 0..blocks {
            let stride = if block == 0 && stage > 0 { 2 } else { 1 };
            layers.conv([before, channels], 3, here, stride);
            layers.conv([channels, channels], 3, here, 1);
            if stride == 2 {
                layers.conv([before, channels], 1, here, 2);
            }
            before = channels;
        }
    }
    let skips = [256, 128, 64, 64, 0];
    for (level, (skip, channels)) in skips.into_iter().zip([256, 128, 64, 32, 16]).enumerate() {
        let here = size >> (4 - level);
        layers.conv([before + skip, channels], 3, here, 1);
        layers.conv([channels, channels], 3, here, 1);
        before = channels;
    }
    layers.conv([16, 1], 3, size, 1);
    layers
}

fn plain(size: usize) -> Layers {
    let mut layers = Layers::default();
    let filters = [16, 32, 64, 128, 256];
    let mut before = 1;
    for (level, channels) in filters.into_iter().enumerate() {
        layers.conv([before, channels], 3, size >> level, 1);
        layers.conv([channels, channels], 3, size >> level, 1);
        before = channels;
    }
    for (level, channels) in filters.into_iter().enumerate().take(4).collect::<Vec<_>>().into_iter().rev() {
        layers.up([2 * channels, channels], 3, size >> level);
        layers.conv([2 * channels, channels], 3, size >> level, 1);
        layers.conv([channels, channels], 3, size >> level, 1);
    }
    layers.conv([16, 1], 1, size, 1);
    layers
}

/// Products and sums per second of dense bf16 and TF32, and bytes per second, as NVIDIA gives them.
fn speeds(gpu: &str) -> Option<(f64, f64, f64)> {
    match gpu {
        gpu if gpu.contains("H200") => Some((989e12, 494e12, 4.8e12)),
        gpu if gpu.contains("H100 PCIe") => Some((756e12, 378e12, 2.0e12)),
        gpu if gpu.contains("H100") => Some((989e12, 494e12, 3.35e12)),
        gpu if gpu.contains("A100") => Some((312e12, 156e12, 2.0e12)),
        _ => None,
    }
}

/// Milliseconds of the products and of the passes over memory.
pub struct Floor(Option<[f64; 2]>);

impl Floor {
    /// Of `batch` images of `size` on `gpu`.
    pub fn new(gpu: &str, model: &str, train: bool, dtype: DType, batch: usize, size: usize) -> Floor {
        let layers = if model == "plain" { plain(size) } else { resnet34(size) };
        let sum = |f: fn(&Layer) -> f64| layers.0.iter().map(f).sum::<f64>() * batch as f64;
        let bytes = dtype.size_in_bytes() as f64;
        // A step has two more convolutions per layer: the gradients of its input and of its weight.
        let products = 2.0 * sum(|layer| layer.products) * if train { 3.0 } else { 1.0 };
        // A prediction reads a layer's input and writes its output. A step's other passes: the normalization reads for its
        // statistics, reads and writes; backwards it reads input and gradient twice and writes, and the two convolutions
        // read their input and the gradient and write the input's gradient.
        let passes: fn(&Layer) -> f64 = match train {
            true => |layer| 3.0 * layer.inputs + 11.0 * layer.outputs,
            false => |layer| layer.inputs + layer.outputs,
        };
        let memory = bytes * sum(passes);
        Floor(speeds(gpu).map(|(half, single, bandwidth)| {
            let speed = if dtype == DType::BF16 { half } else { single };
            [products / speed * 1e3, memory / bandwidth * 1e3]
        }))
    }
}

impl std::fmt::Display for Floor {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.0 {
            Some([products, memory]) => write!(f, "{products:.3}, {memory:.3}"),
            None => write!(f, "not known for this GPU"),
        }
    }
}
