//! Guides that are tables: the rules of a plan, and which fields have an attribute.
//!
//! `docs.rs` writes and checks them with the other pages. The data is the library's own, so a guide cannot say more than
//! the code does.

use std::path::PathBuf;

use ackone::resources::coverage::{self, Coverage, Handled};
use ackone::resources::cross_check::CrossCheck;
use ackone::resources::rule_index::{Moment, RULES, Rule, Severity};

/// Every generated guide.
pub(crate) fn pages() -> Vec<(PathBuf, String)> {
    vec![
        ("docs/guides/plan-time-checks.md".into(), plan_time_checks()),
        ("docs/guides/field-coverage.md".into(), field_coverage(coverage::all())),
        ("docs/guides/prerequisites.md".into(), format!("{PREREQUISITES}\n{PREREQUISITES_TABLE}")),
    ]
}

const PREREQUISITES: &str = "\
---
page_title: \"What a missing prerequisite looks like\"
description: |-
  Twelve things the walkthrough needs, and the message that tells that one of them is missing.
---

# What a missing prerequisite looks like

Most prerequisites of a multi-cluster gRPC gateway fail in silence: a connection that times out, a 503, a listener that is never there.
This table is the result of a test that runs the [walkthrough](walkthrough.md) twelve times, each time without one of them, and
records who says what is missing. A warning of the plan comes before anything is made. [Troubleshooting](troubleshooting.md) has
cause and remedy of each message.
";

/// Written by the acceptance test `prerequisites`.
const PREREQUISITES_TABLE: &str = include_str!("../../acceptance-tests/testdata/golden/prerequisites.md");

const CHECKS: &str = "\
---
page_title: \"Plan-time checks\"
description: |-
  What the provider refuses or warns of before the controller would.
---

# Plan-time checks

The ALB controller tells of a mistake minutes after the apply, in an Event on some object, and one bad Ingress stops changes of
every Ingress of its gateway. The provider knows these rules and speaks as early as it can:

- **validate**: with the configuration alone. `terraform validate` tells. Warnings wait for the plan, so that a run shows each of
  them once; where something is refused no plan will come, and validate tells them too.
- **plan**: as soon as the plan knows the values, or what was applied last.
- **plan, against the Fleet**: when the plan looks at other objects. It reads the gateways, classes and Ingresses of the Fleet in a
  few calls for all resources together, and only for resources that change. What the same run plans before counts as if it were
  there: an Ingress is judged by the listeners its gateway is going to have, and its hosts by the names that its Secret's
  certificate is going to be for. A plan only warns, since a later part of the run may mend it; an apply looks again and stops
  before its first write if a rule that is an *error* is broken. An object that is not there breaks no rule. If the credentials may
  not read something, one warning says which right is missing; if the API is too slow, one says that.
- **always true**: what the provider writes cannot break it.

While a value that a rule needs is unknown, the rule is silent. All problems are told at once, each at its attribute.

The plan of a gateway also asks the cloud whether the security group of each member admits each of its vSwitches on all ports, and shows
the `ackone_backend_access` block that opens what is shut. What such a block of the same run opens counts as open; a group whose rules
name prefix lists is not judged.

`cross_checks = false` on a gateway or an Ingress switches the checks against Fleet and cloud off for that resource, in plan and
apply: it reads nothing for them, and breaks what it breaks. It still counts where other resources are checked.
";

const SURROUNDINGS: &str = "
## What surrounds a resource

Beyond the rules, a plan that changes a gateway or an Ingress looks at what stands around it, where the provider block names the
Fleet: whether the Fleet runs; whether each member is associated (by this run at the latest), runs and stands in the Fleet's VPC;
whether each vSwitch exists, in a zone of its own, in that VPC; whether the members' security groups admit them; whether the ALB API
answers, as it does once the service is activated; which foreign listeners `reuse.force_override` is going to delete; whether a
member that leaves the gateway alone serves a host, as far as Argo CD of the Fleet knows; and whether rules, certificates and servers
fit the quotas of one load balancer. All of it warns, but two vSwitches in one zone, which the service always refuses. It costs a
call or two for each kind, once in a plan.

Nobody needs the rights for it. Where one is missing, one warning names it and the plan goes on. `skip_cross_checks` in the provider
block leaves out one kind everywhere, in plan and apply:

| Kind | What it looks at | Rights |
|---|---|---|
";

fn plan_time_checks() -> String {
    let count = |wanted: Severity| RULES.iter().filter(|rule| rule.severity == wanted).count();
    let at = |wanted: Moment| RULES.iter().filter(|rule| rule.moment == wanted).count();
    let mut text = format!(
        "{CHECKS}\n{} rules: {} errors, {} warnings, {} in part one and in part the other. By validate {}, by plan {}, by plan \
         against the Fleet {}, always true {}.\n\n\
         | Rule | About | Severity | Earliest | What is checked | What would happen otherwise |\n\
         |---|---|---|---|---|---|\n",
        RULES.len(),
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Both),
        at(Moment::Validate),
        at(Moment::Plan),
        at(Moment::Fleet),
        at(Moment::Always),
    );
    for Rule { id, severity, subject, moment, checked, otherwise } in &RULES {
        text.push_str(&format!("| {id} | {subject} | {severity} | {moment} | {checked} | {otherwise} |\n"));
    }
    text.push_str(SURROUNDINGS);
    for check in CrossCheck::ALL {
        text.push_str(&format!("| `{}` | {} | {} |\n", check.name(), check.looks_at(), check.rights()));
    }
    text
}

const COVERAGE: &str = "\
---
page_title: \"Field coverage\"
description: |-
  Which field of which object has which attribute.
---

# Field coverage

Every field of the objects that the provider writes, as the controller's documentation and the Kubernetes API have them:

- **typed**: an attribute of its own, checked by validate and plan.
- **passed through**: fields whose form is not certain, or not ours to know. The attribute hands them on unread.
- **left out**: not reachable, for the reason given.
";

fn field_coverage(all: &[Coverage]) -> String {
    let mut text = format!(
        "{COVERAGE}\n| Object | Resource | Typed | Passed through | Left out | Fields |\n|---|---|---|---|---|---|\n"
    );
    let mut totals = [0; 3];
    for coverage in all {
        let counts = counts(coverage);
        totals.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
        text.push_str(&count_line(&format!("{} | `{}`", coverage.object, coverage.resource), counts));
    }
    text.push_str(&count_line("**All** | ", totals));
    for coverage in all {
        text.push_str(&format!(
            "\n## {} (`{}`)\n\n| Field | Handled | Attribute or reason |\n|---|---|---|\n",
            coverage.object, coverage.resource
        ));
        for field in coverage.fields {
            let (how, what) = match field.handled {
                Handled::Typed(attribute) => ("typed", format!("`{attribute}`")),
                Handled::PassedThrough(attribute) => ("passed through", format!("`{attribute}`")),
                Handled::LeftOut(reason) => ("left out", reason.to_owned()),
            };
            text.push_str(&format!("| `{}` | {how} | {what} |\n", field.name));
        }
    }
    text
}

fn count_line(first: &str, counts: [usize; 3]) -> String {
    let [typed, passed, left] = counts;
    format!("| {first} | {typed} | {passed} | {left} | {} |\n", counts.iter().sum::<usize>())
}

fn counts(coverage: &Coverage) -> [usize; 3] {
    let of = |wanted: fn(&Handled) -> bool| coverage.fields.iter().filter(|field| wanted(&field.handled)).count();
    [
        of(|handled| matches!(handled, Handled::Typed(_))),
        of(|handled| matches!(handled, Handled::PassedThrough(_))),
        of(|handled| matches!(handled, Handled::LeftOut(_))),
    ]
}
