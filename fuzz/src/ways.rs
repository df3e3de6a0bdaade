//! The three ways in which texts are read mean the same.

pub(crate) use tickwire_venue::Way;

/// Defines `ways_agree` for a decoder.
macro_rules! ways_agree {
    ($decoder:ty) => {
        use $crate::ways::{Way, has_long_number};

        fn ways_agree(decoders: &mut [$decoder; 3], text: &[u8]) {
            let [fixed, any, library] = decoders;
            hold_to((fixed, Way::Fixed), (any, Way::AnyOrder), text);
            // The library refuses numbers that a double does not hold.
            if !has_long_number(text) {
                hold_to((any, Way::AnyOrder), (library, Way::Library), text);
            }
        }

        /// A text means the same messages in both ways, or is refused in both.
        fn hold_to((one, way): (&mut $decoder, Way), (other, other_way): (&mut $decoder, Way), text: &[u8]) {
            let mut count = 0;
            let answer = one.decode_from(way, text, |channel, message| {
                let mut nth = 0;
                let read = other.decode_from(other_way, text, |other_channel, other_message| {
                    if nth == count {
                        assert_eq!((channel, message), (other_channel, other_message));
                    }
                    nth += 1;
                });
                assert!(read.is_ok() && nth > count, "{read:?}");
                count += 1;
            });
            let mut others = 0;
            let read = other.decode_from(other_way, text, |_, _| others += 1);
            assert_eq!((answer.is_ok(), count), (read.is_ok(), others), "{}", String::from_utf8_lossy(text));
        }
    };
}
pub(crate) use ways_agree;

/// Whether a number that is not an integer has more digits than a double holds exactly.
pub(crate) fn has_long_number(text: &[u8]) -> bool {
    let mut numbers = text.split(|byte| !byte.is_ascii_digit() && !b".eE".contains(byte));
    let digits = |number: &[u8]| number.iter().filter(|byte| byte.is_ascii_digit()).count();
    numbers.any(|number| digits(number) > 15 && number.iter().any(|byte| !byte.is_ascii_digit()))
}
