//! Networks: an address, or a prefix of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The lowest of them.
    first: IpAddr,
    /// How many bits.
    bits: u8,
    /// It is written as one address.
    single: bool,
}

/// Why a text is no network, and what to write.
type Fault = (String, String);

impl Network {
    /// `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`.
    pub(super) fn parse(text: &str) -> Result<Network, Fault> {
        let none = || {
            let help = "write `10.0.0.0/8`, `2001:db8::/32`, or an address alone: names are not looked up";
            (format!("`{text}` is no network"), help.to_owned())
        };
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| none())?;
        let (number, width) = number(address);
        let bits = match bits {
            None => width,
            // Neither a sign nor zeros before it.
            Some(text) => text.parse().ok().filter(|bits: &u8| bits.to_string() == text && *bits <= width).ok_or_else(none)?,
        };
        let network = Network { first: at(number & mask(width, bits), width), bits, single: !text.contains('/') };
        if let (IpAddr::V4(v4), true) = (network.first.to_canonical(), width == 128 && bits >= 96) {
            let help = format!("write `{}`", Network { first: v4.into(), bits: bits - 96, single: network.single });
            return Err((format!("`{text}` is an IPv4 network in the form of an IPv6 one"), help));
        }
        if network.first != address {
            let help = format!("write `{network}`, or `{address}` for that one address");
            return Err((format!("`{text}` has bits beyond its prefix of {bits}"), help));
        }
        Ok(network)
    }

    /// Whether an address, not an IPv4-mapped one, is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((first, width), (number, other)) = (number(self.first), number(address));
        width == other && number & mask(width, self.bits) == first
    }

    /// Whether it is one of IPv6, and its lowest and highest address as numbers.
    pub fn range(&self) -> (bool, u128, u128) {
        let (first, width) = number(self.first);
        (width == 128, first, first | (whole(width) & !mask(width, self.bits)))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}/{}", self.first, self.bits),
        }
    }
}

/// An address as a number, and of how many bits.
fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(v4) => (v4.to_bits().into(), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

fn at(number: u128, width: u8) -> IpAddr {
    match u32::try_from(number) {
        Ok(v4) if width == 32 => Ipv4Addr::from_bits(v4).into(),
        Ok(_) | Err(_) => Ipv6Addr::from_bits(number).into(),
    }
}

/// So many ones.
fn whole(width: u8) -> u128 {
    u128::MAX >> (128 - u32::from(width.clamp(1, 128)))
}

/// The first bits of a number of that width.
fn mask(width: u8, bits: u8) -> u128 {
    u128::MAX.checked_shl(u32::from(width.saturating_sub(bits))).unwrap_or(0) & whole(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_from_none_to_all() {
        for (network, inside, outside) in [
            ("0.0.0.0/0", &["0.0.0.0", "255.255.255.255"][..], &["::", "::1"][..]),
            ("::/0", &["::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], &["0.0.0.0", "127.0.0.1"]),
            ("10.0.0.0/8", &["10.0.0.0", "10.255.255.255"], &["9.255.255.255", "11.0.0.0", "::a00:0"]),
            ("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127", "192.0.3.128"]),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]),
            ("192.0.2.7/32", &["192.0.2.7"], &["192.0.2.6"]),
            ("2001:db8::/32", &["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"], &["2001:db9::", "2001:db7::"]),
            ("::1/128", &["::1"], &["::", "::2", "0.0.0.1"]),
            ("8000::/1", &["8000::", "ffff::"], &["7fff::"]),
        ] {
            let read = Network::parse(network).unwrap();
            assert_eq!(read.to_string(), network);
            let is_in = |text: &&str| read.contains(text.parse().unwrap());
            assert!(inside.iter().all(is_in) && !outside.iter().any(is_in), "{network}");
        }
        assert_eq!(Network::parse("10.0.0.0/8").unwrap().range(), (false, 10 << 24, (11 << 24) - 1));
        assert_eq!(Network::parse("0.0.0.0/0").unwrap().range(), (false, 0, u32::MAX.into()));
        assert_eq!(Network::parse("::/0").unwrap().range(), (true, 0, u128::MAX));
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, told, help) in [
            ("10.0.0.1/8", "has bits beyond its prefix of 8", "write `10.0.0.0/8`, or `10.0.0.1` for that one address"),
            ("2001:db8::1/32", "has bits beyond its prefix of 32", "write `2001:db8::/32`, or `2001:db8::1` for that one address"),
            ("::ffff:10.0.0.0/104", "is an IPv4 network in the form of an IPv6 one", "write `10.0.0.0/8`"),
            ("::ffff:10.1.2.3", "is an IPv4 network in the form of an IPv6 one", "write `10.1.2.3`"),
        ] {
            assert_eq!(Network::parse(text).unwrap_err(), (format!("`{text}` {told}"), help.to_owned()));
        }
        for text in [
            "",
            "localhost",
            "10/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.0/-1",
            "10.0.0.0/255.0.0.0",
            " 10.0.0.0/8",
            "10.0.0.0 /8",
            "fe80::1%eth0",
            "010.0.0.0/8",
            "*",
        ] {
            assert!(Network::parse(text).unwrap_err().0.ends_with("is no network"), "{text}");
        }
    }
}
