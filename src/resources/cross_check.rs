//! The kinds of checks that compare a resource with what stands around it, and which of them a user has switched off.
//!
//! `cross_checks = false` of a resource switches off all of them there, `skip_cross_checks` of the provider block one kind
//! everywhere.

use std::collections::BTreeSet;

/// A kind of check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CrossCheck {
    /// Members are associated, running, and in the Fleet's VPC.
    Members,
    /// vSwitches exist, in zones of their own, in the Fleet's VPC.
    Vswitches,
    /// The members' security groups admit the vSwitches.
    SecurityGroups,
    /// The ALB API answers, as it does where the service is activated.
    Activation,
    /// What an overridden load balancer loses, and hosts that a removed member serves alone.
    Loss,
    /// Listeners that Ingresses and gateway need of each other.
    Listeners,
    /// Certificates of Secrets and listeners.
    Certificates,
    /// Hosts and paths of several Ingresses.
    Routes,
    /// Quotas of one load balancer.
    Quotas,
}

impl CrossCheck {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 9] = [
        Self::Members,
        Self::Vswitches,
        Self::SecurityGroups,
        Self::Activation,
        Self::Loss,
        Self::Listeners,
        Self::Certificates,
        Self::Routes,
        Self::Quotas,
    ];

    /// As users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Vswitches => "vswitches",
            Self::SecurityGroups => "security_groups",
            Self::Activation => "activation",
            Self::Loss => "loss",
            Self::Listeners => "listeners",
            Self::Certificates => "certificates",
            Self::Routes => "routes",
            Self::Quotas => "quotas",
        }
    }

    /// What it looks at, for the docs.
    #[must_use]
    pub const fn looks_at(self) -> &'static str {
        match self {
            Self::Members => "members are associated, running and in the Fleet's VPC",
            Self::Vswitches => "vSwitches exist, in zones of their own, in the Fleet's VPC",
            Self::SecurityGroups => "the members' security groups admit the vSwitches on all ports",
            Self::Activation => "the ALB API answers",
            Self::Loss => "listeners that an override deletes, hosts that a removed member serves alone",
            Self::Listeners => "listeners that gateway and Ingresses need of each other",
            Self::Certificates => "Secrets and certificates that listeners and Ingresses name",
            Self::Routes => "hosts and paths that several Ingresses share",
            Self::Quotas => "rules, certificates and servers of one load balancer",
        }
    }

    /// The rights it needs: RAM actions, or verbs and resources of the Fleet's Kubernetes API.
    #[must_use]
    pub const fn rights(self) -> &'static str {
        match self {
            Self::Members => "`adcp:DescribeHubClusterDetails`, `adcp:DescribeManagedClusters`",
            Self::Vswitches => "`adcp:DescribeHubClusterDetails`, `vpc:DescribeVSwitches`",
            Self::SecurityGroups => {
                "`cs:DescribeClusterDetail`, `vpc:DescribeVSwitches`, `ecs:DescribeSecurityGroupAttribute`"
            }
            Self::Activation => "`alb:ListLoadBalancers`",
            Self::Loss => {
                "`alb:ListListeners`; in the Fleet: list AlbConfigs, IngressClasses, Ingresses, and Applications in `argocd`"
            }
            Self::Listeners | Self::Routes => "in the Fleet: list AlbConfigs, IngressClasses, Ingresses",
            Self::Certificates => "in the Fleet: list AlbConfigs, IngressClasses, Ingresses, get Secrets",
            Self::Quotas => {
                "`adcp:DescribeHubClusterDetails`, `alb:ListServerGroups`; in the Fleet: list AlbConfigs, IngressClasses, Ingresses"
            }
        }
    }
}

/// The kinds that are switched off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped(BTreeSet<CrossCheck>);

impl Skipped {
    /// From the names in a configuration; others than those of [`CrossCheck`] were refused before.
    pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let of = |name: &str| CrossCheck::ALL.into_iter().find(|check| check.name() == name);
        Self(names.into_iter().filter_map(of).collect())
    }

    /// Whether a kind is to be checked.
    pub(crate) fn wants(&self, check: CrossCheck) -> bool {
        !self.0.contains(&check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_goes_by_its_name_and_by_no_other() {
        for check in CrossCheck::ALL {
            let skipped = Skipped::named([check.name()]);
            let off: Vec<CrossCheck> = CrossCheck::ALL.into_iter().filter(|other| !skipped.wants(*other)).collect();
            assert_eq!(off, [check]);
        }
        assert_eq!(Skipped::named(["Members", ""]), Skipped::default());
    }
}
