//! Where to compute.

use crate::Result;
use candle_core::Device;

/// The first CUDA device where the feature `cuda` and a GPU are there, else the CPU. Prints which, and why.
///
/// ```
/// let device = tgs_salt::device()?;
/// # #[cfg(not(feature = "cuda"))]
/// assert!(device.is_cpu());
/// # Ok::<(), tgs_salt::Error>(())
/// ```
///
/// # Errors
/// None today: without a GPU the answer is the CPU.
pub fn device() -> Result<Device> {
    let threads = rayon::current_num_threads();
    #[cfg(feature = "cuda")]
    match Device::new_cuda(0) {
        Ok(device) => {
            println!("device: CUDA 0");
            return Ok(device);
        }
        Err(why) => println!("device: CPU with {threads} threads; no CUDA device: {}", first_line(&why)),
    }
    #[cfg(not(feature = "cuda"))]
    println!("device: CPU with {threads} threads (built without the feature `cuda`)");
    Ok(Device::Cpu)
}

#[cfg(feature = "cuda")]
fn first_line(why: &candle_core::Error) -> String {
    why.to_string().lines().next().unwrap_or_default().to_string()
}
