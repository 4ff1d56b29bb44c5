//! From what engines speak (16-bit PCM, 24,000 Hz) to what telephones do (µ-law, 8,000 Hz).
//!
//! Every third sample is kept, after a low-pass that takes away what would come back as noise. It works on pieces of any
//! length, half samples included, and gives the same whatever the pieces are.
use super::mulaw;
use std::f64::consts::PI;

/// Samples of which one is kept.
const RATIO: usize = 3;
/// Length of the filter: 4 ms, of which half is delay.
const TAPS: usize = 97;
/// Where the filter begins to close, as a part of the sampling rate: 3,500 Hz.
const CUTOFF: f64 = 3500.0 / 24_000.0;

/// The conversion of one utterance.
pub(super) struct Narrow {
    taps: Vec<f32>,
    /// Samples that the filter still needs.
    line: Vec<f32>,
    /// The first byte of a sample whose second is to come.
    half: Option<u8>,
}

impl Narrow {
    pub(super) fn new() -> Self {
        Self {
            taps: taps(),
            line: vec![0.0; TAPS / 2],
            half: None,
        }
    }

    /// What becomes of a piece.
    pub(super) fn push(&mut self, pcm: &[u8]) -> Vec<u8> {
        let whole = self.half.take().into_iter().chain(pcm.iter().copied());
        let mut low = None;
        for byte in whole {
            match low.take() {
                None => low = Some(byte),
                Some(low) => self.line.push(f32::from(i16::from_le_bytes([low, byte]))),
            }
        }
        self.half = low;
        self.drain()
    }

    /// What the filter has kept, at the end.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        self.half = None;
        self.line.extend([0.0; TAPS / 2]);
        self.drain()
    }

    fn drain(&mut self) -> Vec<u8> {
        let mut codes = Vec::with_capacity(self.line.len() / RATIO);
        let mut at = 0;
        while let Some(window) = self.line.get(at..at + TAPS) {
            let sum: f32 = window.iter().zip(&self.taps).map(|(a, b)| a * b).sum();
            let sample = sum.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16;
            codes.push(mulaw::encode(sample));
            at += RATIO;
        }
        self.line.drain(..at.min(self.line.len()));
        codes
    }
}

/// A sinc under Blackman's window, with a gain of one.
fn taps() -> Vec<f32> {
    let tap = |n: usize| {
        let (n, last) = (to_f64(n), to_f64(TAPS - 1));
        let x = n - last / 2.0;
        let sinc = if x == 0.0 {
            2.0 * CUTOFF
        } else {
            (2.0 * PI * CUTOFF * x).sin() / (PI * x)
        };
        let turn = 2.0 * PI * n / last;
        sinc * (0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos())
    };
    let taps: Vec<f64> = (0..TAPS).map(tap).collect();
    let gain: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / gain) as f32).collect()
}

fn to_f64(n: usize) -> f64 {
    u32::try_from(n).map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A second of a tone.
    fn tone(hertz: f64) -> Vec<u8> {
        let sample = |n: u32| (12_000.0 * (2.0 * PI * hertz * f64::from(n) / 24_000.0).sin()) as i16;
        (0..24_000).flat_map(|n| sample(n).to_le_bytes()).collect()
    }

    fn loudness(codes: &[u8]) -> f64 {
        // without the ends, where the filter runs in and out
        let inner = &codes[100..codes.len() - 100];
        let power: f64 = inner
            .iter()
            .map(|code| f64::from(mulaw::decode(*code)).powi(2))
            .sum();
        (power / to_f64(inner.len())).sqrt()
    }

    fn narrowed(pcm: &[u8]) -> Vec<u8> {
        let mut narrow = Narrow::new();
        let mut codes = narrow.push(pcm);
        codes.extend(narrow.finish());
        codes
    }

    #[test]
    fn voices_pass_and_what_would_fold_back_does_not() {
        let full = 12_000.0 / 2f64.sqrt();
        for (hertz, least, most) in [
            (300.0, 0.97, 1.03),
            (1000.0, 0.97, 1.03),
            (2800.0, 0.9, 1.03),
            (4800.0, 0.0, 0.01),
            (7000.0, 0.0, 0.01),
            (11_000.0, 0.0, 0.01),
        ] {
            let codes = narrowed(&tone(hertz));
            assert_eq!(codes.len(), 8000, "a second stays a second");
            let gain = loudness(&codes) / full;
            assert!((least..=most).contains(&gain), "{hertz} Hz: {gain}");
        }
    }

    #[test]
    fn the_pieces_make_no_difference() {
        let pcm = tone(700.0);
        let whole = narrowed(&pcm);
        for size in [1, 7, 160, 4801] {
            let mut narrow = Narrow::new();
            let mut codes: Vec<u8> = pcm.chunks(size).flat_map(|piece| narrow.push(piece)).collect();
            codes.extend(narrow.finish());
            assert!(codes == whole, "pieces of {size}");
        }
        assert!(narrowed(&[]).is_empty() && narrowed(&[1]).is_empty());
    }
}
