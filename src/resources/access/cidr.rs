//! IPv4 ranges.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// An IPv4 range: a network address and the length of its prefix. Prints as `10.0.1.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cidr {
    first: u32,
    length: u8,
}

/// A text that is no IPv4 range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoCidr {
    /// It has another form.
    Malformed,
    /// Its address has bits behind the prefix; this is the range meant.
    HostBits(Cidr),
}

impl Cidr {
    /// Reads the source of a rule: as the service writes it, so a single address may stand without a prefix, and bits
    /// behind the prefix do not count.
    pub(crate) fn of_rule(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let length: u8 = length.parse().ok().filter(|length| *length <= 32)?;
        let address = u32::from(address.parse::<Ipv4Addr>().ok()?);
        Some(Self { first: address & mask(length), length })
    }

    /// The single address 0.0.0.0, which no packet comes from.
    pub(crate) const fn nothing() -> Self {
        Self { first: 0, length: 32 }
    }

    const fn last(self) -> u32 {
        self.first | !mask(self.length)
    }

    /// Whether every address of `other` is in this range.
    pub(crate) const fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last() <= self.last()
    }

    /// Whether the two have an address in common.
    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last() && other.first <= self.last()
    }
}

const fn mask(length: u8) -> u32 {
    match length {
        0 => 0,
        length => u32::MAX << (32 - length as u32),
    }
}

impl FromStr for Cidr {
    type Err = NoCidr;

    fn from_str(text: &str) -> Result<Self, NoCidr> {
        let (address, length) = text.split_once('/').ok_or(NoCidr::Malformed)?;
        // `+8` and `08` parse as numbers and are nobody's spelling.
        let plain = length.len() <= 2 && length.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (length.len() == 2 && length.starts_with('0')) {
            return Err(NoCidr::Malformed);
        }
        let range = Self::of_rule(text).ok_or(NoCidr::Malformed)?;
        match address.parse::<Ipv4Addr>() {
            Ok(address) if u32::from(address) == range.first => Ok(range),
            Ok(_) => Err(NoCidr::HostBits(range)),
            Err(_) => Err(NoCidr::Malformed),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.first), self.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn ranges_are_read_strictly_from_users_and_leniently_from_the_service() {
        for bad in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/08", "10.0.0.0/+8", "::/0", "10.0.0.0/", "a/8"]
        {
            assert_eq!(bad.parse::<Cidr>(), Err(NoCidr::Malformed), "{bad:?}");
        }
        assert_eq!("10.0.1.7/24".parse::<Cidr>(), Err(NoCidr::HostBits(cidr("10.0.1.0/24"))));
        assert_eq!(Cidr::of_rule("10.0.1.7/24"), Some(cidr("10.0.1.0/24")));
        assert_eq!(Cidr::of_rule("10.0.1.7"), Some(cidr("10.0.1.7/32")));
        assert_eq!(Cidr::of_rule("0.0.0.0/0"), Some(cidr("0.0.0.0/0")));
        assert_eq!((Cidr::of_rule(""), Cidr::of_rule("pl-123")), (None, None));
    }

    #[test]
    fn covering_and_overlapping_are_told_apart() {
        let (vpc, vswitch, half) = (cidr("10.0.0.0/16"), cidr("10.0.1.0/24"), cidr("10.0.1.128/25"));
        assert!(vpc.covers(vswitch) && vpc.covers(vpc) && cidr("0.0.0.0/0").covers(vpc));
        assert!(!half.covers(vswitch) && half.overlaps(vswitch) && vswitch.overlaps(half));
        assert!(!cidr("10.0.2.0/24").overlaps(vswitch));
    }

    proptest! {
        #[test]
        fn a_range_prints_as_it_is_read(address: u32, length in 0u8..=32) {
            let range = Cidr::of_rule(&format!("{}/{length}", Ipv4Addr::from(address))).unwrap();
            prop_assert_eq!(range.to_string().parse(), Ok(range));
            prop_assert!(range.covers(Cidr::of_rule(&Ipv4Addr::from(address).to_string()).unwrap()));
        }
    }
}
