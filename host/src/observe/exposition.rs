//! Figures as Prometheus reads them.
use super::meter::Histogram;
use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet, text::encode,
    },
    metrics::MetricType,
    registry::Registry,
};
use std::fmt::{self, Write as _};

/// What the text is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Labels of one figure.
pub type Labels = Vec<(&'static str, String)>;

/// Figures, by name.
#[derive(Debug, Default)]
pub struct Sheet(Vec<Family>);

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Counters(Vec<(Labels, f64)>),
    Gauges(Vec<(Labels, f64)>),
    Histograms(Vec<(Labels, Spread)>),
}

/// A histogram of any origin.
#[derive(Debug, Clone, Default)]
pub struct Spread {
    /// The sum of all.
    pub sum: f64,
    /// By upper bound, in order; `f64::INFINITY` has none.
    pub buckets: Vec<(f64, u64)>,
}

impl From<&Histogram> for Spread {
    fn from(histogram: &Histogram) -> Self {
        Self {
            sum: histogram.sum(),
            buckets: histogram.buckets(),
        }
    }
}

// === impl Sheet ===

impl Sheet {
    /// Figures that only grow. The name is without `_total`.
    pub fn counters(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let values = Values::Counters(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    /// Figures that go up and down.
    pub fn gauges(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        let values = Values::Gauges(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    /// How many took how long.
    pub fn histograms(
        &mut self,
        name: &'static str,
        help: &'static str,
        values: impl IntoIterator<Item = (Labels, Spread)>,
    ) {
        let values = Values::Histograms(values.into_iter().collect());
        self.0.push(Family { name, help, values });
    }

    /// The text.
    pub fn text(self) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        registry.register_collector(Box::new(self));
        if encode(&mut text, &registry).is_err() {
            text.clear();
            let _ = writeln!(text, "# EOF");
        }
        text
    }
}

impl Collector for Sheet {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Family { name, help, values } in &self.0 {
            match values {
                Values::Counters(values) => {
                    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                    each(&mut family, values, |one, value| counter(one, *value))?;
                }
                Values::Gauges(values) => {
                    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                    each(&mut family, values, |one, value| gauge(one, *value))?;
                }
                Values::Histograms(values) => {
                    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
                    each(&mut family, values, |one, spread| {
                        let count = spread.buckets.iter().map(|(_, count)| count).sum();
                        one.encode_histogram::<NoLabelSet>(spread.sum, count, &spread.buckets, None)
                    })?;
                }
            }
        }
        Ok(())
    }
}

fn each<T>(
    family: &mut MetricEncoder<'_>,
    values: &[(Labels, T)],
    encode: impl Fn(&mut MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (labels, value) in values {
        match labels.is_empty() {
            true => encode(family, value)?,
            false => encode(&mut family.encode_family(labels)?, value)?,
        }
    }
    Ok(())
}

fn counter(one: &mut MetricEncoder<'_>, value: impl EncodeCounterValue) -> fmt::Result {
    one.encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn gauge(one: &mut MetricEncoder<'_>, value: impl EncodeGaugeValue) -> fmt::Result {
    one.encode_gauge(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_written_as_they_are_read() {
        let mut sheet = Sheet::default();
        let odd = vec![("name", "a\"b\\c\nd".to_owned())];
        sheet.counters("x", "All x", [(odd, 2.0)]);
        sheet.gauges("y", "Now y", [(Vec::new(), 1.5)]);
        let spread = Spread {
            sum: 3.0,
            buckets: vec![(1.0, 1), (f64::INFINITY, 1)],
        };
        sheet.histograms("z_seconds", "How long", [(vec![("l", "v".to_owned())], spread)]);
        let text = sheet.text();
        for line in [
            "x_total{name=\"a\\\"b\\\\c\\nd\"} 2.0",
            "y 1.5",
            "z_seconds_bucket{le=\"1.0\",l=\"v\"} 1",
            "z_seconds_bucket{le=\"+Inf\",l=\"v\"} 2",
            "z_seconds_count{l=\"v\"} 2",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
