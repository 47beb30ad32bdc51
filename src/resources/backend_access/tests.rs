//! Judging rules, names and ids; and values that the attributes' checks accept.

use proptest::sample::{select, subsequence};
use proptest::strategy::{BoxedStrategy, Strategy as _};

use crate::framework::value::Value;

/// Values of an attribute by its path.
pub(in crate::resources) fn sample(path: &str) -> Option<BoxedStrategy<Value>> {
    let set = |all: &'static [&'static str]| {
        let some = subsequence(all.to_vec(), 1..=all.len());
        some.prop_map(|texts| Value::List(texts.into_iter().map(Value::string).collect())).boxed()
    };
    Some(match path {
        "cluster_ids" => set(&["c0a", "c0b", "c0c"]),
        "vswitch_ids" => set(&["vsw-a1", "vsw-b2"]),
        "source_cidrs" => set(&["10.0.8.0/24", "10.9.0.0/16"]),
        "security_group_ids[]" => select(vec!["c0a", "c0b"]).prop_map(Value::string).boxed(),
        "security_group_ids" => {
            select(vec!["sg-1", "sg-2"]).prop_map(|group| Value::map([("c0a", Value::string(group))])).boxed()
        }
        "priority" => (1i64..=100).prop_map(Value::int).boxed(),
        "description" => select(vec!["edge", "edge gateways"]).prop_map(Value::string).boxed(),
        _ => return None,
    })
}

mod ledger {
    //! Which rules are ours, which are missing, which are too many.

    use std::collections::BTreeSet;

    use crate::cloud::ecs::SecurityGroupRule;
    use crate::resources::access::admission::tests::rule;
    use crate::resources::access::cidr::Cidr;
    use crate::resources::backend_access::ledger::{Known, Ledger, Pair, Question, Seen, Wanted};
    use crate::resources::backend_access::model::{AccessRule, description};

    const NOW: &str = "2026-11-23T18:30:00Z";
    const RECENT: &str = "2026-11-23T12:00:00Z";
    const OLD: &str = "2026-11-20T12:00:00Z";

    fn range(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn pair(source: &str) -> Pair {
        ("sg-1".into(), range(source))
    }

    /// A rule of the resource "demo".
    fn marked(id: &str, source: &str, made: &str) -> SecurityGroupRule {
        SecurityGroupRule {
            description: description(None, "demo"),
            create_time: made.to_owned(),
            ..rule(id, "Accept", 1, source)
        }
    }

    fn known(ids: &[&str], asked: &[&str]) -> Known {
        Known {
            ids: ids.iter().map(|id| ("sg-1".into(), (*id).into())).collect(),
            asked: asked.iter().map(|source| pair(source)).collect(),
        }
    }

    fn answer(wanted: &[&str], known: &Known, rules: &[SecurityGroupRule], imported: bool) -> Ledger {
        let clusters: BTreeSet<String> = ["c1".to_owned()].into();
        let wanted: Wanted = wanted.iter().map(|source| (pair(source), clusters.clone())).collect();
        let seen: Seen = [("sg-1".into(), rules.to_vec())].into();
        let now = NOW.parse().unwrap();
        Question { name: "demo", priority: 1, wanted: &wanted, known, seen: &seen, now, imported }.answer()
    }

    /// Each entry as `source rule` with `=` for ours, `~` for shared, `!` for missing, `-` for too many.
    fn shown(ledger: &Ledger) -> Vec<String> {
        let entry = |entry: &super::super::ledger::Entry| {
            let kind = match (&entry.rule, entry.owned, entry.clusters.is_empty()) {
                (None, ..) => '!',
                (Some(_), true, true) => '-',
                (Some(_), true, false) => '=',
                (Some(_), false, _) => '~',
            };
            let rule = entry.rule.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{} {kind}{rule}", entry.pair.1)
        };
        ledger.entries.iter().map(entry).collect()
    }

    #[test]
    fn a_rule_of_somebody_else_is_shared_and_one_that_is_missing_is_missing() {
        let foreign = [rule("f1", "Accept", 50, "10.0.0.0/16"), rule("f2", "Accept", 1, "10.1.0.0/25")];
        let ledger = answer(&["10.0.1.0/24", "10.1.0.0/24"], &Known::default(), &foreign, false);
        assert_eq!(shown(&ledger), ["10.0.1.0/24 ~f1", "10.1.0.0/24 !"]);
        assert_eq!((ledger.missing, ledger.surplus.len()), (vec![pair("10.1.0.0/24")], 0));
    }

    #[test]
    fn what_state_knows_is_ours_whatever_it_has_become() {
        let edited = SecurityGroupRule { description: "edited".to_owned(), ..rule("r1", "Accept", 1, "10.0.1.0/24") };
        let lowered = rule("r2", "Accept", 9, "10.0.2.0/24");
        let turned = rule("r3", "Drop", 1, "10.0.3.0/24");
        let wanted = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"];
        let ledger = answer(&wanted, &known(&["r1", "r2", "r3", "gone"], &[]), &[edited, lowered, turned], false);
        let expected = ["10.0.1.0/24 =r1", "10.0.2.0/24 !", "10.0.2.0/24 -r2", "10.0.3.0/24 !", "10.0.3.0/24 -r3"];
        assert_eq!(shown(&ledger), expected);
        assert!(ledger.claimed.is_empty() && ledger.foreign.is_empty());
        assert!(ledger.entries.iter().all(|entry| entry.blocked_by.is_none()), "our own drop goes with the update");
    }

    #[test]
    fn the_mark_alone_is_believed_for_a_day_and_for_what_is_wanted() {
        let rules = [
            marked("r1", "10.0.1.0/24", RECENT),
            marked("r2", "10.0.2.0/24", OLD),
            marked("r3", "10.0.3.0/24", RECENT),
        ];
        let wanted = ["10.0.1.0/24", "10.0.2.0/24"];
        let ledger = answer(&wanted, &Known::default(), &rules, false);
        assert_eq!(shown(&ledger), ["10.0.1.0/24 =r1", "10.0.2.0/24 ~r2"]);
        let ids = |all: &[super::super::ledger::Marked]| all.iter().map(|one| one.rule.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (ids(&ledger.claimed), ids(&ledger.foreign)),
            (vec!["r1".to_owned()], vec!["r2".to_owned(), "r3".to_owned()])
        );
        assert!(ledger.surplus.is_empty(), "what is not wanted and not known may be another configuration's");
        let imported = answer(&wanted, &Known::default(), &rules, true);
        assert_eq!(shown(&imported), ["10.0.1.0/24 =r1", "10.0.2.0/24 =r2"]);
    }

    #[test]
    fn what_was_asked_for_is_ours_by_its_mark_at_any_age_and_wanted_or_not() {
        let rules =
            [marked("r1", "10.0.1.0/24", OLD), marked("r2", "10.0.2.0/24", OLD), rule("f", "Accept", 1, "10.0.3.0/24")];
        let known = known(&[], &["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "10.0.4.0/24"]);
        let ledger = answer(&["10.0.1.0/24", "10.0.3.0/24", "10.0.4.0/24"], &known, &rules, false);
        assert_eq!(shown(&ledger), ["10.0.1.0/24 =r1", "10.0.2.0/24 -r2", "10.0.3.0/24 ~f", "10.0.4.0/24 !"]);
        let asked: Vec<bool> = ledger.entries.iter().map(|entry| entry.owned).collect();
        assert_eq!(asked, [true, true, false, true], "an answer may still be on its way");
    }

    #[test]
    fn other_names_and_other_peoples_marks_are_foreign() {
        for text in
            ["[ackone_backend_access:demo2]", "[ackone_backend_access:demo] no", "demo", "x[ackone_backend_access:emo]"]
        {
            let other = SecurityGroupRule { description: text.to_owned(), ..marked("r1", "10.0.1.0/24", RECENT) };
            let ledger = answer(&["10.0.1.0/24"], &Known::default(), &[other], false);
            assert_eq!(shown(&ledger), ["10.0.1.0/24 ~r1"], "{text}");
            assert!(ledger.claimed.is_empty() && ledger.foreign.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_drop_that_goes_first_is_told_and_a_later_one_is_not() {
        let own = marked("r1", "10.0.1.0/24", RECENT);
        let blocked = |drop: SecurityGroupRule, own: Option<&SecurityGroupRule>| {
            let rules: Vec<SecurityGroupRule> = own.cloned().into_iter().chain([drop]).collect();
            let ledger = answer(&["10.0.1.0/24"], &known(&["r1"], &[]), &rules, false);
            ledger.entries[0].blocked_by.as_ref().map(ToString::to_string)
        };
        for own in [Some(&own), None] {
            assert_eq!(blocked(rule("d", "Drop", 1, "10.0.1.128/25"), own), Some("d".to_owned()));
            assert_eq!(blocked(rule("d", "Drop", 2, "10.0.1.0/24"), own), None, "ours goes first");
        }
        // The very rule is there, of somebody else, and overruled: a second one cannot be made.
        let rules = [rule("f", "Accept", 1, "10.0.1.0/24"), rule("d", "Drop", 1, "0.0.0.0/0")];
        let ledger = answer(&["10.0.1.0/24"], &Known::default(), &rules, false);
        assert_eq!(shown(&ledger), ["10.0.1.0/24 ~f"]);
        assert!(ledger.entries[0].blocked_by.is_some() && ledger.missing.is_empty());
    }

    #[test]
    fn a_state_says_what_is_known_and_what_was_asked_for() {
        let stored = |rule: Option<&str>, owned| {
            Some(AccessRule {
                security_group_id: Some("sg-1".to_owned()),
                source_cidr: Some("10.0.1.0/24".to_owned()),
                rule_id: rule.map(str::to_owned),
                owned: Some(owned),
                ..AccessRule::default()
            })
        };
        let all = [stored(Some("r1"), true), stored(Some("f1"), false), stored(None, true), stored(None, false), None];
        assert_eq!(Known::of(&all), known(&["r1"], &["10.0.1.0/24"]));
        assert_eq!(Known::of(&all).groups().len(), 1);
    }
}

mod ids {
    //! Import ids, names and marks.

    use proptest::prelude::*;

    use crate::resources::backend_access::model::{AccessId, description, is_name, marked};

    #[test]
    fn ids_that_name_nothing_certain_are_refused() {
        for good in ["demo", "demo:c1:vsw-1", "a.b-c_d:c1,c2:vsw-1,10.0.8.0/24"] {
            assert_eq!(good.parse::<AccessId>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            ":c1:v1",
            "demo:",
            "demo:c1",
            "demo:c1:",
            "demo::v1",
            "demo:c1:v1:x",
            "demo:c1,:v1",
            "a b",
            "demo:c1:10.0.1.7/24",
            "demo:c1:::/0",
        ] {
            assert!(bad.parse::<AccessId>().is_err(), "{bad:?}");
        }
        assert!(!is_name(&"a".repeat(64)) && is_name(&"a".repeat(63)));
    }

    proptest! {
        #[test]
        fn an_id_prints_as_it_is_read(
            name in "[A-Za-z0-9._-]{1,63}",
            clusters in prop::collection::btree_set("c[0-9a-f]{1,8}", 1..4),
            vswitches in prop::collection::btree_set("vsw-[0-9a-z]{1,8}", 1..4),
        ) {
            let join = |all: &std::collections::BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(",");
            let text = format!("{name}:{}:{}", join(&clusters), join(&vswitches));
            let id: AccessId = text.parse().unwrap();
            prop_assert_eq!(id.to_string(), text);
            let scope = id.scope.unwrap();
            prop_assert_eq!((scope.clusters, scope.vswitches), (clusters, vswitches));
        }

        #[test]
        fn a_mark_is_found_again_and_is_nobody_elses(
            text in prop::option::of("[a-z][a-z ]{0,20}[a-z]"), name in "[A-Za-z0-9._-]{1,20}", other in "[A-Za-z0-9._-]{1,20}",
        ) {
            let described = description(text.as_deref(), &name);
            prop_assert_eq!(marked(&described, &name).is_some(), true);
            if let Some(text) = text {
                prop_assert_eq!(marked(&described, &name), Some(text.as_str()));
            }
            prop_assert_eq!(marked(&described, &other).is_some(), other == name);
        }
    }
}
