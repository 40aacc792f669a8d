//! Where to compute.

use crate::{Error, Result};
use candle_core::Device;

/// Where to compute: the CPU. Prints so, and why.
///
/// The layers have kernels for the CPU alone so far; with the feature `cuda` a GPU is looked for and reported, not used.
///
/// ```
/// assert!(tgs_salt::device()?.is_cpu());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// None today.
pub fn device() -> Result<Device> {
    println!("device: CPU with {} threads ({})", rayon::current_num_threads(), gpu());
    Ok(Device::Cpu)
}

#[cfg(feature = "cuda")]
fn gpu() -> String {
    match Device::new_cuda(0) {
        Ok(_) => "a CUDA GPU is there, but the layers have no kernels for it yet".into(),
        Err(why) => {
            let why = why.to_string();
            format!("no CUDA GPU: {}", why.lines().next().unwrap_or_default())
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> &'static str {
    "built without the feature `cuda`"
}

/// The devices that the layers have kernels for.
pub(crate) fn check_device(device: &Device) -> Result<()> {
    if device.is_cpu() {
        return Ok(());
    }
    let got = format!("{:?}", device.location());
    Err(Error::Config {
        field: "device",
        got,
        expected: "Device::Cpu, the only one with kernels so far".into(),
    })
}
