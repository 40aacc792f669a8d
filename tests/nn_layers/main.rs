//! The layers against loops that anybody can check, finite differences of these loops, and PyTorch.

mod convolution;
mod gradients;
mod graphs;
mod images;
mod normalization;
mod pooling;
mod pytorch;
mod shapes;
mod stock_candle;
mod threads;
mod weights;
mod windows;
