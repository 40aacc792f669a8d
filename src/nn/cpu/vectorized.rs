//! One kernel for every kind of vector.

/// Defines `fn name(args) -> result` that runs `kernel::<L>(args)`, or `kernel::<L, More>(args)`, with the widest [`Lanes`] of this
/// machine.
macro_rules! vectorized {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $kernel:ident $(, $more:ty)?) => {
        $(#[$doc])*
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn with_avx512($($arg: $type),*) $(-> $result)? {
                    $kernel::<std::arch::x86_64::__m512 $(, $more)?>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn with_avx2($($arg: $type),*) $(-> $result)? {
                    $kernel::<std::arch::x86_64::__m256 $(, $more)?>($($arg),*)
                }
                match $crate::nn::cpu::lanes::width() {
                    // SAFETY: the width says that this machine has these features.
                    $crate::nn::cpu::lanes::Width::Avx512 => return unsafe { with_avx512($($arg),*) },
                    $crate::nn::cpu::lanes::Width::Avx2 => return unsafe { with_avx2($($arg),*) },
                    $crate::nn::cpu::lanes::Width::Portable => {}
                }
            }
            $kernel::<$crate::nn::cpu::lanes::Portable $(, $more)?>($($arg),*)
        }
    };
}
pub(crate) use vectorized;
