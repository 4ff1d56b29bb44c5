//! Classification of IP addresses by who can be behind them.
//!
//! Pure and total: every address has exactly one class, and what is not known to be public is not public. Addresses
//! that carry an IPv4 address inside IPv6 are judged by what they carry.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of network an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressClass {
    /// Routed on the public internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network (RFC 1918), a unique local one (RFC 4193) or a site-local one.
    Private,
    /// Carrier-grade NAT (RFC 6598), also used inside overlay networks.
    Shared,
    /// The local link only; clouds put their metadata service here.
    LinkLocal,
    /// A cloud's metadata or platform service outside the link-local range.
    Metadata,
    /// "This host" or "this network"; the kernel connects it to loopback.
    Unspecified,
    /// A group of receivers.
    Multicast,
    /// Everyone on the local network.
    Broadcast,
    /// Documentation, benchmarks, tunnels, protocol assignments and what IANA has not given out.
    Reserved,
}

impl AddressClass {
    /// The class of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether a guarded request may connect there.
    /// `allow_private` admits this machine and private networks, never metadata services or special ranges.
    pub fn is_allowed(self, allow_private: bool) -> bool {
        match self {
            Self::Public => true,
            Self::Loopback | Self::Private | Self::Shared => allow_private,
            _ => false,
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::Shared => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Unspecified => "unspecified",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Reserved => "reserved",
        })
    }
}

/// Azure's WireServer, Alibaba's and Oracle's metadata services: none is link-local.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// Amazon's and Google's metadata services over IPv6, both unique local.
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn of_v4(address: Ipv4Addr) -> AddressClass {
    use AddressClass as C;
    if METADATA_V4.contains(&address) {
        return C::Metadata;
    }
    match address.octets() {
        [0, ..] => C::Unspecified,
        [127, ..] => C::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => C::Private,
        [100, 64..=127, ..] => C::Shared,
        [169, 254, ..] => C::LinkLocal,
        // protocol assignments, documentation, the retired 6to4 relay, benchmarks
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => C::Reserved,
        [192, 88, 99, _] | [198, 18 | 19, ..] => C::Reserved,
        [224..=239, ..] => C::Multicast,
        [255, 255, 255, 255] => C::Broadcast,
        [240..=255, ..] => C::Reserved,
        _ => C::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressClass {
    use AddressClass as C;
    if address.is_unspecified() {
        return C::Unspecified;
    }
    if address.is_loopback() {
        return C::Loopback;
    }
    if METADATA_V6.contains(&address) {
        return C::Metadata;
    }
    if let Some(class) = of_embedded(address) {
        return class;
    }
    match address.segments() {
        [0xfe80..=0xfebf, ..] => C::LinkLocal,
        [0xfec0..=0xfeff, ..] | [0xfc00..=0xfdff, ..] => C::Private,
        [0xff00..=0xffff, ..] => C::Multicast,
        // protocol assignments with Teredo, documentation, 6to4
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2002, ..] => C::Reserved,
        [0x2000..=0x3fff, ..] => C::Public,
        _ => C::Reserved,
    }
}

/// The class that an IPv4 address inside an IPv6 address gives it, or `None` where the carrier itself decides.
///
/// Transparent carriers (mapped, compatible, translated, NAT64) are exactly as good as their content. Tunnels (6to4,
/// Teredo, ISATAP) can only make an address worse, never better.
fn of_embedded(address: Ipv6Addr) -> Option<AddressClass> {
    let s = address.segments();
    let v4 = |high: u16, low: u16| of_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    let tail = v4(s[6], s[7]);
    let inside = match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            return Some(tail);
        }
        [0x2002, high, low, ..] => v4(high, low),
        // a Teredo client's address is stored inverted, its server's is not
        [0x2001, 0, high, low, ..] => match v4(!s[6], !s[7]) {
            AddressClass::Public => v4(high, low),
            client => client,
        },
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => tail,
        _ => return None,
    };
    (inside != AddressClass::Public).then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The special-purpose registries as networks, written down independently of the code above.
    const SPECIAL_V4: &[&str] = &[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    ];
    const SPECIAL_V6: &[&str] = &[
        "::/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "4000::/2",
        "8000::/1",
    ];

    fn within(address: u128, width: u32, network: &str) -> bool {
        let (base, length) = network.split_once('/').expect("a network");
        let base = match base.parse().expect("an address") {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let shift = width - length.parse::<u32>().expect("a length");
        address.checked_shr(shift) == base.checked_shr(shift)
    }

    fn is_special_v4(bits: u32) -> bool {
        SPECIAL_V4
            .iter()
            .any(|network| within(u128::from(bits), 32, network))
    }

    /// Addresses of which most lie within a step of a registry's border.
    fn v4_bits() -> impl Strategy<Value = u32> {
        let near = (0..SPECIAL_V4.len(), any::<u32>(), -2i64..=2).prop_map(|(row, host, step)| {
            let (base, length) = SPECIAL_V4[row].split_once('/').expect("a network");
            let base = base.parse::<Ipv4Addr>().expect("an address").to_bits();
            let span = (1u64 << (32 - length.parse::<u32>().expect("a length"))) as i64;
            let edges = [0, span, i64::from(host) % span];
            (i64::from(base) + edges[host as usize % 3] + step).rem_euclid(1 << 32) as u32
        });
        prop_oneof![any::<u32>(), near]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn v4_agrees_with_the_registry(bits in v4_bits()) {
            let class = AddressClass::of(IpAddr::V4(bits.into()));
            prop_assert_eq!(class == AddressClass::Public, !is_special_v4(bits), "{}", Ipv4Addr::from(bits));
        }

        #[test]
        fn v4_agrees_with_std(bits in v4_bits()) {
            let v4 = Ipv4Addr::from(bits);
            let class = of_v4(v4);
            prop_assert_eq!(class == AddressClass::Loopback, v4.is_loopback());
            prop_assert_eq!(class == AddressClass::Private, v4.is_private());
            prop_assert_eq!(class == AddressClass::LinkLocal, v4.is_link_local());
            prop_assert_eq!(class == AddressClass::Multicast, v4.is_multicast());
            prop_assert_eq!(class == AddressClass::Broadcast, v4.is_broadcast());
            prop_assert!(!v4.is_documentation() || class == AddressClass::Reserved);
        }

        #[test]
        fn v6_agrees_with_the_registry_and_std(head in any::<u16>(), rest in any::<u128>(), pinned in 0usize..8) {
            const HEADS: [u16; 8] = [0x2001, 0x2002, 0x3fff, 0xfe80, 0xfec0, 0xfd00, 0xff02, 0];
            let head = if rest & 1 == 0 { head } else { HEADS[pinned] };
            let bits = (u128::from(head) << 112) | (rest >> 16);
            let v6 = Ipv6Addr::from_bits(bits);
            let special = SPECIAL_V6.iter().any(|network| within(bits, 128, network));
            let class = of_v6(v6);
            prop_assert_eq!(class == AddressClass::Public, !special, "{}", v6);
            prop_assert!(!v6.is_multicast() || class == AddressClass::Multicast);
            prop_assert!(!v6.is_unicast_link_local() || class == AddressClass::LinkLocal || of_embedded(v6).is_some());
            prop_assert!(!v6.is_unique_local() || class == AddressClass::Private || of_embedded(v6).is_some());
        }

        #[test]
        fn transparent_carriers_are_what_they_carry(bits in v4_bits()) {
            let v4 = Ipv4Addr::from(bits);
            let expected = of_v4(v4);
            for prefix in [0xffff_u128 << 32, 0xffff_u128 << 48, 0x64_ff9b_u128 << 96, 0] {
                let v6 = Ipv6Addr::from_bits(prefix | u128::from(bits));
                let special = v6.is_unspecified() || v6.is_loopback();
                prop_assert!(special || of_v6(v6) == expected, "{}", v6);
                prop_assert!(!special || of_v6(v6) != AddressClass::Public);
            }
        }

        #[test]
        fn tunnels_to_special_addresses_are_not_public(bits in v4_bits(), low in any::<u32>()) {
            let (v4, low) = (u128::from(bits), u128::from(low));
            for v6 in [
                (0x2002_u128 << 112) | (v4 << 80) | low,
                (0x2001_u128 << 112) | (v4 << 64) | low,
                (0x2001_u128 << 112) | (0x0808_0808_u128 << 64) | u128::from(!bits),
                (0x2a00_u128 << 112) | (0x5efe_u128 << 32) | if is_special_v4(bits) { v4 } else { 0 },
            ] {
                let v6 = Ipv6Addr::from_bits(v6);
                prop_assert!(of_v6(v6) != AddressClass::Public, "{}", v6);
            }
        }
    }

    #[test]
    fn private_networks_open_only_by_permission_and_metadata_never() {
        let class = |text: &str| AddressClass::of(text.parse().expect("an address"));
        for text in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "fd12::1",
            "100.64.0.1",
            "::ffff:192.168.1.1",
        ] {
            assert!(!class(text).is_allowed(false), "{text}");
            assert!(class(text).is_allowed(true), "{text}");
        }
        for text in [
            "169.254.169.254",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "fe80::1",
        ] {
            assert!(!class(text).is_allowed(true), "{text}");
        }
        for text in ["1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(class(text).is_allowed(false), "{text}");
        }
    }
}
