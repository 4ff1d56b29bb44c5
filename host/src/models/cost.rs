//! What a call cost, where the vendor doesn't say.
use openclaw_plugin_api::{ModelInfo, Usage};

/// The usage with its cost: the vendor's own figure, else the one that the catalogue's prices give.
pub fn priced(usage: Usage, info: &ModelInfo) -> Usage {
    if usage.cost > 0.0 {
        return usage;
    }
    let parts = [
        (usage.input, info.cost_input),
        (usage.output, info.cost_output),
        (usage.cache_read, info.cost_cache_read),
        (usage.cache_write, info.cost_cache_write),
    ];
    // a count of tokens is far below 2^53, where every integer has its float
    let cost = parts
        .iter()
        .map(|(tokens, price)| *tokens as f64 * price / 1e6)
        .sum();
    Usage { cost, ..usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_figure_wins_over_the_catalogues() {
        let info = ModelInfo {
            cost_input: 5.0,
            cost_output: 25.0,
            cost_cache_read: 0.5,
            cost_cache_write: 6.25,
            ..ModelInfo::default()
        };
        let usage = Usage {
            input: 1_000_000,
            output: 200_000,
            cache_read: 2_000_000,
            cache_write: 400_000,
            cost: 0.0,
        };
        assert!((priced(usage, &info).cost - 13.5).abs() < 1e-9);
        assert_eq!(priced(Usage { cost: 1.0, ..usage }, &info).cost, 1.0);
        assert_eq!(priced(usage, &ModelInfo::default()).cost, 0.0);
    }
}
