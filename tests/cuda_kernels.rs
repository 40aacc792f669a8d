//! The CUDA kernels without a GPU: see `cuda_shim/run.sh`. It is the evidence that they compute what they should.

use std::process::Command;

#[test]
fn cuda_kernels_compute_on_the_cpu_what_plain_loops_do() {
    if Command::new("g++").arg("--version").output().is_err() {
        println!("no g++ here: the CUDA kernels are not checked");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cuda_shim/run.sh");
    let run = Command::new("bash").arg(script).output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    println!("{text}");
    assert!(run.status.success(), "{text}");
}
