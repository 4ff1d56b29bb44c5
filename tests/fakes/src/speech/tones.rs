//! A language of tones, for machines that play sound to each other: each text is a pitch.
//!
//! It goes through a telephone as a voice does, so what is heard at the other end says whether sound was resampled, coded,
//! framed and paced well. Invariant: a text keeps its pitch, and no two have the same.
use std::{
    f64::consts::PI,
    sync::{Arc, Mutex, PoisonError},
};

/// The lowest pitch, and the distance to the next. Hertz.
const LOWEST: f64 = 400.0;
const STEP: f64 = 130.0;
/// Texts that there are pitches for below what a telephone carries.
const MAX_TEXTS: usize = 19;
/// How loud it is.
const AMPLITUDE: f64 = 8000.0;
/// Below this it is silence.
const QUIET: i32 = 1000;

/// The texts that are known. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tones(Arc<Mutex<Vec<String>>>);

impl Tones {
    /// The pitch of a text, which is learned if it is new.
    pub fn pitch(&self, text: &str) -> f64 {
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = texts.iter().position(|known| known == text).unwrap_or_else(|| {
            assert!(texts.len() < MAX_TEXTS, "there are no more pitches");
            texts.push(text.to_owned());
            texts.len() - 1
        });
        LOWEST + STEP * f64::from(u32::try_from(at).expect("few texts"))
    }

    /// The text of a pitch, if one is near.
    pub fn text(&self, pitch: f64) -> Option<String> {
        let texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = ((pitch - LOWEST) / STEP).round();
        let near = (pitch - (LOWEST + STEP * at)).abs() < STEP / 3.0;
        texts
            .iter()
            .enumerate()
            .find(|(n, _)| near && f64::from(u32::try_from(*n).expect("few texts")) == at)
            .map(|(_, text)| text.clone())
    }
}

/// Samples of a tone.
pub fn tone(pitch: f64, rate: u32, ms: u32) -> Vec<i16> {
    let turn = 2.0 * PI * pitch / f64::from(rate);
    let sample = |n: u32| (AMPLITUDE * (turn * f64::from(n)).sin()) as i16;
    (0..rate * ms / 1000).map(sample).collect()
}

/// The pitch of samples, by how often they cross zero. `None`: it is silence.
pub fn pitch_of(samples: &[i16], rate: u32) -> Option<f64> {
    let loud = samples
        .iter()
        .filter(|sample| i32::from(**sample).abs() > QUIET)
        .count();
    if loud * 4 < samples.len() || samples.len() < 2 {
        return None;
    }
    let rising = |pair: &&[i16]| pair[0] < 0 && pair[1] >= 0;
    let crossings: Vec<usize> = (0..samples.len() - 1)
        .filter(|at| rising(&&samples[*at..*at + 2]))
        .collect();
    let (first, last) = (crossings.first()?, crossings.last()?);
    let turns = u32::try_from(crossings.len() - 1).ok()?;
    let span = u32::try_from(last - first).ok().filter(|span| *span > 0)?;
    Some(f64::from(turns) * f64::from(rate) / f64::from(span))
}

/// µ-law of a sample, by the table of segments in ITU-T G.711.
pub fn mulaw(sample: i16) -> u8 {
    const ENDS: [i32; 8] = [0x3f, 0x7f, 0xff, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff];
    let (value, mask) = match i32::from(sample) >> 2 {
        negative if negative < 0 => ((-negative).min(8159) + 33, 0x7f),
        positive => (positive.min(8159) + 33, 0xff),
    };
    let segment = ENDS.iter().position(|end| value <= *end);
    let code = match segment {
        None => 0x7f,
        Some(segment) => {
            let segment_bits = i32::try_from(segment).expect("eight of them");
            segment_bits << 4 | (value >> (segment + 1)) & 0x0f
        }
    };
    u8::try_from((code ^ mask) & 0xff).expect("eight bits")
}

/// The sample of a µ-law code.
pub fn linear(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((i32::from(code & 0x0f) << 3) + 0x84) << (code >> 4 & 7);
    let sample = if code & 0x80 == 0 {
        magnitude - 0x84
    } else {
        0x84 - magnitude
    };
    i16::try_from(sample).expect("fourteen bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_through_a_telephone() {
        let tones = Tones::default();
        let texts: Vec<String> = (0..MAX_TEXTS).map(|n| format!("text {n}")).collect();
        for text in &texts {
            let samples = tone(tones.pitch(text), 8000, 200);
            let heard: Vec<i16> = samples.iter().map(|sample| linear(mulaw(*sample))).collect();
            let pitch = pitch_of(&heard, 8000).expect("it is loud");
            assert_eq!(tones.text(pitch).as_ref(), Some(text));
        }
        assert_eq!(pitch_of(&[0; 800], 8000), None);
        assert_eq!(tones.text(50.0), None);
    }
}
