//! What bad input gets: one line of a typed error that names the place, what was expected, what was found, and what
//! to do. Never a panic, never a silent skip.

#[path = "../data_fixture/mod.rs"]
mod data_fixture;

mod datasets;
mod folders;
mod images;
mod rles;
mod submissions;
