//! petitfour
#![no_std]
extern crate alloc;
