//! Functions with every feature, and what the framework makes of them.

use crate::framework::conformance::functions::assert_function_is_true;
use crate::framework::erased::FunctionType;
use crate::framework::function::{Function, FunctionError, Parameter, Signature, Variadic};
use crate::framework::model::Attr;
use crate::framework::schema::Kind;
use crate::framework::types::Type;
use crate::framework::value::Value;

/// `join(separator, parts...)`: null parts are left out, unknown ones are shown as `?`.
pub(crate) struct Join;

impl Function for Join {
    const NAME: &'static str = "join";
    type Arguments = (String, Variadic<Attr<String>>);
    type Return = String;

    fn signature() -> Signature {
        Signature {
            summary: "Joins texts",
            description: "Joins texts.".into(),
            parameters: vec![Parameter::new("separator", Type::String, "Between the parts.")],
            variadic: Some(Parameter::new("parts", Type::String, "Parts.").allow_null().allow_unknown()),
            returns: Kind::Value(Type::String),
        }
    }

    fn call((separator, Variadic(parts)): Self::Arguments) -> Result<String, FunctionError> {
        if separator == "panic" {
            panic!("as told");
        }
        let mut texts = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            match part {
                Attr::Known(text) if text == separator => {
                    return Err(FunctionError::new("it is the separator itself. Give another one").at(index + 1));
                }
                Attr::Known(text) => texts.push(text),
                Attr::Null => {}
                Attr::Unknown => texts.push("?".to_owned()),
            }
        }
        Ok(texts.join(&separator))
    }
}

/// `pair(a, b)`, fixed arguments only.
pub(crate) struct Pair;

impl Function for Pair {
    const NAME: &'static str = "pair";
    type Arguments = (i64, Option<String>);
    type Return = Vec<String>;

    fn signature() -> Signature {
        let name = Parameter::new("name", Type::String, "A name.").allow_null();
        Signature {
            summary: "Makes a pair",
            description: "Makes a pair.".into(),
            parameters: vec![Parameter::new("count", Type::Number, "A whole number."), name],
            variadic: None,
            returns: Kind::Value(Type::list(Type::String)),
        }
    }

    fn call((count, name): Self::Arguments) -> Result<Vec<String>, FunctionError> {
        Ok(vec![count.to_string(), name.unwrap_or_default()])
    }
}

fn join(arguments: &[Value]) -> Result<Value, FunctionError> {
    FunctionType::<Join>::erased().call(arguments)
}

fn pair(arguments: &[Value]) -> Result<Value, FunctionError> {
    FunctionType::<Pair>::erased().call(arguments)
}

#[test]
fn functions_with_every_feature_answer_what_hosts_accept() {
    let parts = vec![Value::string(", "), Value::string("a"), Value::Null, Value::unknown()];
    assert_function_is_true(&*FunctionType::<Join>::erased(), &[parts, vec![Value::string("-")]]);
    assert_function_is_true(&*FunctionType::<Pair>::erased(), &[vec![Value::int(3), Value::Null]]);
}

#[test]
fn null_and_unknown_arguments_reach_only_what_allows_them() {
    let (text, null, unknown) = (Value::string, Value::Null, Value::unknown());
    let all = [text("-"), text("a"), null.clone(), unknown.clone(), text("b")];
    assert_eq!(join(&all), Ok(text("a-?-b")));
    assert_eq!(join(&[unknown.clone(), text("a")]), Ok(Value::unknown()), "what a host answers without a call");
    assert_eq!(join(&[null.clone(), unknown]), Err(FunctionError::new("it must not be null").at(0)));
    assert_eq!(pair(&[Value::int(1), null.clone()]), Ok(Value::List(vec![text("1"), text("")])));
    assert_eq!(pair(&[null, text("x")]).unwrap_err().argument, Some(0));
}

#[test]
fn errors_blame_the_argument_by_its_place() {
    let text = Value::string;
    let error = join(&[text("-"), text("a"), text("-")]).unwrap_err();
    assert_eq!((error.argument, error.to_string().as_str()), (Some(2), "it is the separator itself. Give another one"));
    let error = pair(&[Value::Number("1.5".parse().unwrap()), text("x")]).unwrap_err();
    assert_eq!((error.argument, error.text.as_str()), (Some(0), "it must be a whole number of 64 bits"));
    for wrong in [vec![Value::int(1)], vec![Value::int(1), text("x"), text("y")], Vec::new()] {
        let error = pair(&wrong).unwrap_err();
        assert_eq!(error, FunctionError::new(format!("{} arguments were given instead of 2", wrong.len())));
    }
    assert_eq!(join(&[]), Err(FunctionError::new("0 arguments were given instead of at least 1")));
}
