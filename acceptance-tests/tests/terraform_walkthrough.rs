//! The walkthrough, told by real Terraform: plan, apply, proof, an empty second plan, destroy, nothing left.

use acceptance_tests::sandbox::Sandbox;
use acceptance_tests::terraform::Workspace;

#[test]
fn the_walkthrough_applies_proves_itself_plans_empty_and_leaves_nothing() {
    let sandbox = Sandbox::start().unwrap();
    let before = sandbox.inventory().unwrap();
    let workspace = Workspace::walkthrough(&sandbox).unwrap();

    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning:"), "{}\n{}", applied.stdout, sandbox.log());
    let ingress = workspace.attributes("ackone_grpc_ingress.demo").unwrap();
    assert_eq!(ingress["address"], "localhost");
    assert_eq!(ingress["ready"], true);

    let second = workspace.plan().unwrap();
    assert_eq!(second.code, 0, "{}\n{}", second.stdout, second.stderr);
    assert!(!second.prose().contains("Warning:"), "{}", second.stdout);

    workspace.destroy().unwrap().expect_ok();
    assert_eq!(sandbox.inventory().unwrap(), before);
}
