//! Provider functions, called by real Terraform and by our own plugin host. Protects: a function answers in a process that
//! is never configured, its errors point at the argument, unknown and null are as the language has them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too; clippy knows only the functions marked so")]

use acceptance_tests::host::wire_value::{UNKNOWN, decode_bytes, encode};
use acceptance_tests::host::{Connection, Launch};
use acceptance_tests::material::{LONG, chain, self_signed};
use acceptance_tests::repository;
use acceptance_tests::terraform::Workspace;
use serde_json::{Value, json};
use tfplugin_proto::tfplugin6::{DynamicValue, FunctionError, call_function, get_functions};

const PROVIDERS: &str = "terraform {\n  required_providers {\n    ackone = { source = \"ackone/ackone\" }\n  }\n}\n";

async fn call(connection: &Connection, arguments: &[Value]) -> Result<Value, FunctionError> {
    let arguments = arguments.iter().map(|value| DynamicValue { msgpack: encode(value), json: Vec::new() }).collect();
    let request = call_function::Request { name: "parse_certificate".to_owned(), arguments };
    let answer = connection.provider().call_function(request).await.unwrap().into_inner();
    match answer.error {
        Some(error) => Err(error),
        None => Ok(decode_bytes(&answer.result.unwrap().msgpack).unwrap()),
    }
}

#[tokio::test]
async fn an_unconfigured_process_answers_calls() {
    let plugin = Launch::provider().unwrap().start().await.unwrap();
    let connection = plugin.connect().await.unwrap();
    let served = connection.provider().get_functions(get_functions::Request {}).await.unwrap().into_inner();
    let signature = served.functions.get("parse_certificate").unwrap();
    let parameter = signature.parameters.first().unwrap();
    assert_eq!((parameter.name.as_str(), parameter.r#type.as_slice()), ("pem", b"\"string\"".as_slice()));
    assert!(!parameter.allow_null_value && !parameter.allow_unknown_values);

    let (material, _) = chain("grpc.example.com").unwrap();
    let parsed = call(&connection, &[json!(material.certificate)]).await.unwrap();
    assert_eq!(parsed.pointer("/dns_names"), Some(&json!(["grpc.example.com"])));
    assert_eq!(parsed.pointer("/is_ca"), Some(&json!(false)));
    assert_eq!(parsed.pointer("/chain/1/subject"), Some(&json!("CN=A Root")));
    assert_eq!(call(&connection, &[json!(UNKNOWN)]).await.unwrap(), json!(UNKNOWN));
    for (arguments, place) in [
        (vec![json!("hello")], Some(0)),
        (vec![Value::Null], Some(0)),
        (vec![json!("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")], Some(0)),
        (Vec::new(), None),
        (vec![json!("a"), json!("b")], None),
    ] {
        let error = call(&connection, &arguments).await.unwrap_err();
        assert_eq!(error.function_argument, place, "{arguments:?}: {}", error.text);
        assert!(!error.text.is_empty() && !error.text.ends_with('.'), "{}", error.text);
    }
    assert_eq!(plugin.stderr(), "", "a panic was caught, but it was one");
}

#[test]
fn the_example_runs() {
    let mut workspace = Workspace::detached().unwrap();
    if workspace.minor_version().unwrap() < 8 {
        println!("provider functions need Terraform 1.8");
        return;
    }
    workspace.copy_folder(&repository().join("examples/functions/parse_certificate")).unwrap();
    workspace.write("providers.tf", PROVIDERS).unwrap();
    let (material, _) = chain("grpc.example.com").unwrap();
    std::fs::write(workspace.path().join("server.pem"), &material.certificate).unwrap();
    workspace.set_env("TF_VAR_certificate_file", "server.pem");
    workspace.init().unwrap().expect_ok();
    workspace.validate().unwrap().expect_ok();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(!applied.prose().contains("Warning"), "{}", applied.prose());
    let state = workspace.show().unwrap();
    assert_eq!(state.pointer("/values/outputs/hosts/value"), Some(&json!(["grpc.example.com"])));
    assert_eq!(state.pointer("/values/outputs/ends/value"), Some(&json!("2090-01-01T00:00:00Z")));
}

#[test]
fn errors_point_at_the_argument_and_unknown_values_wait() {
    let workspace = Workspace::detached().unwrap();
    if workspace.minor_version().unwrap() < 8 {
        println!("provider functions need Terraform 1.8");
        return;
    }
    let material = self_signed(Some("grpc.example.com"), &["grpc.example.com"], LONG).unwrap();
    std::fs::write(workspace.path().join("server.pem"), &material.certificate).unwrap();
    let body = r#"
resource "terraform_data" "later" {
  input = file("server.pem")
}

output "subject" {
  value = provider::ackone::parse_certificate(terraform_data.later.output).subject
}
"#;
    workspace.write("providers.tf", PROVIDERS).unwrap();
    workspace.write("main.tf", body).unwrap();
    workspace.init().unwrap().expect_ok();
    let applied = workspace.apply().unwrap().expect_ok();
    assert!(applied.stdout.contains("subject = (known after apply)"), "{}", applied.stdout);
    let state = workspace.show().unwrap();
    assert_eq!(state.pointer("/values/outputs/subject/value"), Some(&json!("CN=grpc.example.com")));

    for (argument, told) in [
        ("\"hello\"", "Invalid value for \"pem\" parameter: there is no PEM block of type CERTIFICATE."),
        ("null", "argument must not be null"),
    ] {
        let body = format!("output \"x\" {{\n  value = provider::ackone::parse_certificate({argument})\n}}\n");
        workspace.write("main.tf", &body).unwrap();
        let refused = workspace.command(&["validate", "-no-color"]).output().unwrap();
        let refused = acceptance_tests::terraform::finished(&refused);
        assert!(!refused.ok() && refused.prose().contains(told), "{}", refused.prose());
        assert!(refused.prose().contains("Invalid function argument"), "{}", refused.prose());
        assert!(!refused.prose().contains(".."), "one full stop: {}", refused.prose());
    }
}
