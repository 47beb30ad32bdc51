//! Two resource blocks for one object are told when Terraform plans; whatever is one block only looks like two to a
//! provider, which never learns an address, is not: replacement, taint, `moved`, `import`.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::configuration::{PREAMBLE, PROVIDER};
use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::{Finished, Workspace};

const TWICE: &str = "Object Declared Twice";

fn block(label: &str, name: &str) -> String {
    format!("resource \"ackone_namespace\" \"{label}\" {{\n  name = \"{name}\"\n}}\n")
}

/// Plans a configuration, which must have this exit code.
fn plan(workspace: &Workspace, body: &str, arguments: &[&str], code: i32) -> Finished {
    workspace.write("body.tf", body).unwrap();
    let mut command = vec!["plan", "-no-color", "-detailed-exitcode"];
    command.extend(arguments);
    let finished = workspace.run(&command).unwrap();
    assert_eq!(finished.code, code, "{body}\n{}\n{}", finished.stdout, finished.stderr);
    finished
}

#[test]
fn two_blocks_for_one_object_do_not_plan_and_one_block_always_does() {
    let sandbox = Sandbox::start().unwrap();
    let workspace = Workspace::new(&sandbox).unwrap();
    workspace.write("main.tf", &format!("{PREAMBLE}{PROVIDER}")).unwrap();
    workspace.init().unwrap().expect_ok();
    let one = block("a", "gateway-demo");
    let two = format!("{one}{}", block("b", "gateway-demo"));

    let refused = plan(&workspace, &two, &[], 1);
    assert!(refused.prose().contains(TWICE) && refused.prose().contains("gateway-demo"), "{}", refused.prose());

    plan(&workspace, &one, &[], 2);
    workspace.apply().unwrap().expect_ok();
    let refused = plan(&workspace, &two, &[], 1);
    assert!(refused.prose().contains(TWICE), "one has it, the other wants to make it: {}", refused.prose());
    let refused = plan(&workspace, &two, &["-refresh=false"], 1);
    assert!(refused.prose().contains(TWICE), "{}", refused.prose());

    // One block, in all the ways in which the object or the block changes.
    let quiet = |finished: &Finished| assert!(!finished.prose().contains("Warning:"), "{}", finished.prose());
    quiet(&plan(&workspace, &one, &[], 0));
    quiet(&plan(&workspace, &one, &["-replace=ackone_namespace.a"], 2));
    quiet(&plan(&workspace, &block("a", "another"), &[], 2));
    workspace.run(&["taint", "ackone_namespace.a"]).unwrap().expect_ok();
    quiet(&plan(&workspace, &one, &[], 2));
    workspace.apply().unwrap().expect_ok();
    quiet(&plan(&workspace, &one, &[], 0));
    let moved = format!(
        "{}moved {{\n  from = ackone_namespace.a\n  to   = ackone_namespace.b\n}}\n",
        block("b", "gateway-demo")
    );
    // A move alone is a change to state.
    let finished = plan(&workspace, &moved, &[], 2);
    quiet(&finished);
    assert!(finished.prose().contains("has moved to"), "{}", finished.prose());
    let renamed = plan(&workspace, &block("b", "gateway-demo"), &[], 2);
    assert!(renamed.prose().contains("Object Deleted and Created"), "{}", renamed.prose());

    plan(&workspace, &one, &[], 0);
    workspace.run(&["state", "rm", "ackone_namespace.a"]).unwrap().expect_ok();
    let import = |label: &str| format!("import {{\n  to = ackone_namespace.{label}\n  id = \"gateway-demo\"\n}}\n");
    quiet(&plan(&workspace, &format!("{one}{}", import("a")), &[], 2));
    let refused = plan(&workspace, &format!("{two}{}", import("a")), &[], 1);
    assert!(refused.prose().contains(TWICE), "one imports it, the other makes it: {}", refused.prose());
    plan(&workspace, &format!("{one}{}", import("a")), &[], 2);
    workspace.apply().unwrap().expect_ok();
    workspace.destroy().unwrap().expect_ok();
}
