//! Calls of functions, as hosts make them: unconfigured.

use tfplugin_proto::tfplugin6::provider_server::Provider as Service;
use tfplugin_proto::tfplugin6::{self as proto, DynamicValue};
use tonic::Request;

use super::host::{Host, packed};
use super::schema_rules::violations;
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::protocol::dynamic_value::decode;

async fn call(host: &Host, name: &str, arguments: Vec<DynamicValue>) -> Result<Value, (String, Option<i64>)> {
    let request = proto::call_function::Request { name: name.to_owned(), arguments };
    let answer = host.server.call_function(Request::new(request)).await.unwrap().into_inner();
    match (answer.result, answer.error) {
        (Some(result), None) => Ok(decode(&result.msgpack, &result.json, &Type::String).unwrap()),
        (None, Some(error)) => Err((error.text, error.function_argument)),
        other => panic!("a result or an error, not {other:?}"),
    }
}

fn texts(values: &[Value]) -> Vec<DynamicValue> {
    values.iter().map(|value| packed(&Type::String, value).unwrap()).collect()
}

#[tokio::test]
async fn signatures_are_served_in_every_way_that_hosts_ask() {
    let host = Host::new();
    assert_eq!(violations(&host.server), Vec::<String>::new());
    let served = host.server.get_functions(Request::new(Default::default())).await.unwrap().into_inner().functions;
    assert!(served.keys().eq(["join", "pair"]));
    let join = &served["join"];
    let further = join.variadic_parameter.as_ref().unwrap();
    assert!(further.allow_null_value && further.allow_unknown_values && further.name == "parts");
    let separator = &join.parameters[0];
    assert!(!separator.allow_null_value && !separator.allow_unknown_values && separator.r#type == b"\"string\"");
    assert_eq!(served["pair"].r#return.as_ref().unwrap().r#type, br#"["list","string"]"#);
    assert!(served["pair"].variadic_parameter.is_none());
}

#[tokio::test]
async fn a_call_answers_a_result_or_an_error_that_names_the_argument() {
    let host = Host::new();
    let text = Value::string;
    assert_eq!(call(&host, "join", texts(&[text("-"), text("a"), text("b")])).await, Ok(text("a-b")));
    assert_eq!(call(&host, "join", texts(&[Value::unknown()])).await, Ok(Value::unknown()));
    let refused = call(&host, "join", texts(&[text("-"), text("-")])).await;
    assert_eq!(refused, Err(("it is the separator itself. Give another one".to_owned(), Some(1))));
    let null = call(&host, "join", texts(&[Value::Null])).await;
    assert_eq!(null, Err(("it must not be null".to_owned(), Some(0))));
    let many = call(&host, "pair", texts(&[])).await;
    assert_eq!(many, Err(("0 arguments were given instead of 2".to_owned(), None)));
}

#[tokio::test]
async fn one_argument_too_many_is_an_error_and_no_panic() {
    let host = Host::new();
    let mut arguments = vec![packed(&Type::Number, &Value::int(1)).unwrap()];
    arguments.extend(texts(&[Value::string("a"), Value::string("b")]));
    let refused = call(&host, "pair", arguments).await;
    assert_eq!(refused, Err(("3 arguments were given instead of 2".to_owned(), None)));
}

#[tokio::test]
async fn bytes_nobody_can_decode_blame_their_argument_and_a_panic_is_told() {
    let host = Host::new();
    let garbage = DynamicValue { msgpack: vec![0xc1, 0xff], json: Vec::new() };
    let mut arguments = texts(&[Value::string("-")]);
    arguments.push(garbage);
    let (text, argument) = call(&host, "join", arguments).await.unwrap_err();
    assert!(text.starts_with("the host sent a value that does not fit its type: "), "{text}");
    assert_eq!(argument, Some(1));
    let (text, argument) = call(&host, "join", texts(&[Value::string("panic")])).await.unwrap_err();
    assert!(text.starts_with("Provider Panic: ") && text.ends_with("please report it"), "{text}");
    assert_eq!(argument, None);
    let (text, _) = call(&host, "split", Vec::new()).await.unwrap_err();
    assert!(text.starts_with("Unsupported Function: ") && text.contains("\"split\""), "{text}");
}
