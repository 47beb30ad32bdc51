//! Names the cloud gives to things, one type each.
//!
//! They are opaque: the API documents no grammar for most of them, so nothing is parsed out of them. [`RegionId`] is
//! the exception, because it becomes part of a host name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps a name as the cloud spells it.
            #[must_use]
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name as the cloud spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether the name is the empty text, which several APIs send for "none".
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> Self {
                Self(name)
            }
        }
    )+};
}

identifiers! {
    /// An ACK One Fleet. The API calls it a Hub and its id `ClusterId`.
    FleetId,
    /// An ACK cluster, such as a member of a Fleet.
    ClusterId,
    /// What the service calls one request; support asks for it.
    RequestId,
    /// The task an asynchronous call started. adcp has no call to ask about it.
    TaskId,
    /// A virtual private cloud.
    VpcId,
    /// A vSwitch: a subnet of a VPC in one zone.
    VSwitchId,
    /// A zone of a region.
    ZoneId,
    /// A security group.
    SecurityGroupId,
    /// One rule of a security group.
    SecurityGroupRuleId,
    /// The public half of an access key pair.
    AccessKeyId,
}

/// A region, such as `cn-hangzhou`. Lower-case letters, digits and hyphens only: it is put into host names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(String);

impl RegionId {
    /// The region as the cloud spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a region id: it must be 1 to 64 lower-case letters, digits and hyphens, such as cn-hangzhou")]
pub struct InvalidRegionId(String);

impl FromStr for RegionId {
    type Err = InvalidRegionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let length = (1..=64).contains(&text.len());
        if length && text.bytes().all(legal) && !text.starts_with('-') && !text.ends_with('-') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegionId(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_cannot_smuggle_a_host_name() {
        for good in ["cn-hangzhou", "ap-southeast-1", "cn-shanghai-finance-1"] {
            assert_eq!(good.parse::<RegionId>().unwrap().to_string(), good);
        }
        for bad in ["", "CN-hangzhou", "evil.example/", "a.b", "-a", "a-", "a b", "a@b", &"a".repeat(65)] {
            assert!(bad.parse::<RegionId>().is_err(), "{bad:?}");
        }
    }
}
