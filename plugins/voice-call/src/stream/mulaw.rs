//! G.711 µ-law, as telephones speak it: a byte for each sample, 8,000 in a second.
//!
//! Own code because it is a dozen lines that ITU-T G.711 fixes for ever. The tests hold every code of the standard.

/// Added before the segments are found, so that each begins at a power of two.
const BIAS: i32 = 0x84;
/// The loudest sample that has a code.
const CLIP: i32 = 32_635;
/// Silence.
pub(crate) const SILENCE: u8 = 0xff;

/// A sample as a code.
pub(crate) fn encode(sample: i16) -> u8 {
    let sample = i32::from(sample);
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.abs().min(CLIP) + BIAS;
    let segment = (magnitude >> 7).ilog2();
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let code = sign | i32::try_from(segment << 4).expect("a segment is below 8") | step;
    !u8::try_from(code).expect("sign, segment and step are eight bits")
}

/// The sample in the middle of a code's step.
#[cfg(test)]
pub(crate) fn decode(code: u8) -> i16 {
    let code = !code;
    let step = i32::from(code & 0x0f);
    let segment = u32::from(code >> 4 & 0x07);
    let magnitude = (((step << 3) + BIAS) << segment) - BIAS;
    let sample = if code & 0x80 == 0 { magnitude } else { -magnitude };
    i16::try_from(sample).expect("the loudest code is 32,124")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_for_itself() {
        for code in 0..=u8::MAX {
            // zero has two codes; the positive one is written
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(encode(decode(code)), expected, "{code:#x}");
        }
    }

    #[test]
    fn the_corners_are_those_of_the_standard() {
        for (sample, code) in [
            (0, 0xff),
            (-1, 0x7f),
            (i16::MAX, 0x80),
            (i16::MIN, 0x00),
            (32_124, 0x80),
            (-32_124, 0x00),
            (1000, 0xce),
            (-1000, 0x4e),
        ] {
            assert_eq!(encode(sample), code, "{sample}");
        }
        assert_eq!((decode(0xff), decode(0x80), decode(0x00)), (0, 32_124, -32_124));
    }

    #[test]
    fn no_sample_is_off_by_more_than_half_a_step() {
        for sample in i16::MIN..=i16::MAX {
            let clipped = i32::from(sample).clamp(-CLIP, CLIP);
            let step = 8 << (((clipped.abs() + BIAS) >> 7).ilog2());
            let off = (i32::from(decode(encode(sample))) - clipped).abs();
            assert!(off <= step / 2 + 1, "{sample}: {off} of {step}");
        }
    }
}
