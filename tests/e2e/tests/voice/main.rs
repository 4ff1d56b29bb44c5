//! Phone calls in the real program: carriers that sign, strangers who don't, and a gateway that is killed meanwhile.
mod calls;
mod carriers;
mod hostile;
mod restart;
mod setup;
mod tunnel;
mod world;
