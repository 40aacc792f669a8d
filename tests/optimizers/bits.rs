//! Neither the number of threads nor the kind of vectors changes a bit.

use crate::{bits, each, parameters, take};
use std::process::Command;
use tgs_salt::nn::Stepper;

/// The parameters after three steps of each optimizer, clipped and not.
fn everything() -> Vec<Vec<Vec<u32>>> {
    let run = |(optimizer, max_norm)| {
        let parameters = parameters();
        let mut stepper = Stepper::new(optimizer, parameters.clone()).clip_norm(max_norm);
        take(&mut stepper, &parameters, 0..3);
        bits(&parameters)
    };
    each().into_iter().flat_map(|optimizer| [(optimizer, None), (optimizer, Some(30.0))]).map(run).collect()
}

#[test]
fn steps_are_the_same_bits_with_1_2_and_5_threads() {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(everything)
    };
    let one = run(1);
    for threads in [2, 5] {
        assert!(run(threads) == one, "{threads} threads give other bits than one");
    }
}

#[test]
fn every_kind_of_vector_gives_the_same_bits() {
    if std::env::var_os("FINGERPRINT").is_some() {
        let all = everything().into_iter().flatten().flatten();
        let print = all.fold(0xcbf2_9ce4_8422_2325, |hash: u64, bits| {
            (hash ^ u64::from(bits)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        println!("fingerprint {print}");
        return;
    }
    let run = |simd: &str| {
        let name = "bits::every_kind_of_vector_gives_the_same_bits";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env("FINGERPRINT", "1").env("TGS_SALT_SIMD", simd);
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let line = text.lines().find_map(|line| line.split_once("fingerprint "));
        line.unwrap_or_else(|| panic!("{text}")).1.to_string()
    };
    let portable = run("portable");
    assert_eq!(run("avx2"), portable, "AVX2");
    assert_eq!(run("avx512"), portable, "AVX-512");
}
