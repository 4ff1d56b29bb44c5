//! Recurses without end.
use openclaw_bad_plugins::prelude::*;

#[allow(unconditional_recursion, reason = "the fault")]
fn descend(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    descend(frame[1] + 1) + frame[2]
}

exhibit!("stack-overflow", "stack_overflow", |_| async {
    Ok(descend(0).to_string().into())
});
