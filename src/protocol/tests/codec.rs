//! The bytes of a host, and that values survive the way there and back.

use proptest::prelude::*;

use crate::framework::conformance::generate::{any_type, any_typed_value};
use crate::framework::types::Type;
use crate::framework::value::{Dynamic, Refinements, Value};
use crate::protocol::dynamic_value::{CodecError, convert_stored, decode, decode_stored, encode, encode_salvaging};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(' ', "")).unwrap()
}

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn from_msgpack(hex: &str, ty: &Type) -> Result<Value, CodecError> {
    decode(&bytes(hex), &[], ty)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_survives_the_wire((ty, value) in any_typed_value()) {
        let bytes = encode(&ty, &value).unwrap();
        prop_assert_eq!(decode(&bytes, &[], &ty).unwrap(), value);
    }

    #[test]
    fn every_known_value_survives_json((ty, value) in any_typed_value()) {
        let value = crate::framework::plan::resolve(&value);
        let json = to_json(&value);
        prop_assert_eq!(&convert_stored(&json, &ty).unwrap(), &value);
        let pretty = serde_json::to_vec_pretty(&json).unwrap();
        prop_assert_eq!(&decode_stored(&pretty, &ty).unwrap(), &value);
        prop_assert_eq!(decode(&[], &serde_json::to_vec(&json).unwrap(), &ty).unwrap(), value);
    }

    #[test]
    fn every_type_survives_its_json(ty in any_type()) {
        prop_assert_eq!(Type::from_json(&ty.to_json()).unwrap(), ty);
    }
}

/// As core stores state.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Unknown(_) => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => serde_json::from_str(&number.to_string()).unwrap(),
        Value::String(text) => text.as_str().into(),
        Value::List(elements) => elements.iter().map(to_json).collect(),
        Value::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
        Value::Dynamic(dynamic) => {
            serde_json::json!({"type": dynamic.ty.to_json(), "value": to_json(&dynamic.value)})
        }
    }
}

/// Facts: numbers as Terraform 1.11.4 and 1.15.5 send them.
#[test]
fn numbers_are_sent_in_the_form_hosts_use() {
    let long = format!("0.{}", "3".repeat(154));
    for (text, hex) in [
        ("0", "00"),
        ("127", "7f"),
        ("-1", "ff"),
        ("-32", "e0"),
        ("128", "cc80"),
        ("256", "cd0100"),
        ("65536", "ce00010000"),
        ("4294967296", "cf0000000100000000"),
        ("-33", "d0df"),
        ("-129", "d1ff7f"),
        ("-9223372036854775808", "d38000000000000000"),
        ("9223372036854775808", &format!("b3{}", hex::encode("9223372036854775808"))),
        ("0.5", "cb3fe0000000000000"),
        ("1.5", "cb3ff8000000000000"),
        ("0.1", &format!("a3{}", hex::encode("0.1"))),
        ("3.14", &format!("a4{}", hex::encode("3.14"))),
        ("1e30", &format!("bf{}", hex::encode(format!("1{}", "0".repeat(30))))),
        (&long, &format!("d99c{}", hex::encode(&long))),
    ] {
        assert_eq!(hex::encode(encode(&Type::Number, &number(text)).unwrap()), hex.replace(' ', ""), "{text}");
        assert_eq!(from_msgpack(hex, &Type::Number).unwrap(), number(text), "{text}");
    }
}

#[test]
fn numbers_are_read_in_every_form() {
    for (hex, text) in [
        ("ca3f000000", "0.5"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d20000ffff", "65535"),
        ("c40131", "1"),
        ("a5312e356532", "150"),
        ("cb0000000000000000", "0"),
    ] {
        assert_eq!(from_msgpack(hex, &Type::Number).unwrap(), number(text), "{hex}");
    }
    for hex in ["cb7ff0000000000000", "cb7ff8000000000000", "a3696e66", "c2", "90", "cd01", "c1"] {
        assert!(from_msgpack(hex, &Type::Number).is_err(), "{hex}");
    }
}

#[test]
fn dynamic_values_travel_with_their_type() {
    let pair = |ty: Type, value| Value::Dynamic(Box::new(Dynamic { ty, value }));
    let tuple = Type::Tuple(vec![Type::Dynamic, Type::Number]);
    for (value, hex) in [
        (pair(Type::String, Value::string("x")), format!("92c408{}a178", hex::encode("\"string\""))),
        (pair(Type::String, Value::Null), format!("92c408{}c0", hex::encode("\"string\""))),
        (pair(Type::String, Value::unknown()), format!("92c408{}d40000", hex::encode("\"string\""))),
        (
            pair(tuple, Value::List(vec![Value::unknown(), Value::int(1)])),
            format!("92c41e{}92d4000001", hex::encode("[\"tuple\",[\"dynamic\",\"number\"]]")),
        ),
        (Value::Null, "c0".to_owned()),
        (Value::unknown(), "d40000".to_owned()),
    ] {
        assert_eq!(hex::encode(encode(&Type::Dynamic, &value).unwrap()), hex);
        assert_eq!(from_msgpack(&hex, &Type::Dynamic).unwrap(), value);
    }
    for hex in ["91c0", "92c40178c0", "93c0c0c0", "a178", "92c0c0"] {
        assert!(from_msgpack(hex, &Type::Dynamic).is_err(), "{hex}");
    }
}

#[test]
fn unknown_values_carry_their_promises() {
    let refined = |refinements: Refinements| Value::refined(refinements);
    let not_null = || Refinements { null: Some(false), ..Refinements::default() };
    for (ty, value, hex) in [
        (Type::Bool, Value::unknown(), "d40000"),
        (Type::String, refined(not_null()), "c7030c 81 01c2"),
        (
            Type::String,
            refined(Refinements { prefix: Some("pre-".to_owned()), ..not_null() }),
            "c7090c 82 01c2 02a47072652d",
        ),
        (
            Type::Number,
            refined(Refinements { lower: Some(("0.5".parse().unwrap(), true)), ..Refinements::default() }),
            "c70d0c 81 03 92 cb3fe0000000000000 c3",
        ),
        (
            Type::list(Type::String),
            refined(Refinements { min_len: Some(1), max_len: Some(300), ..Refinements::default() }),
            "c7070c 82 0501 06cd012c",
        ),
    ] {
        let expected = hex.replace(' ', "");
        assert_eq!(hex::encode(encode(&ty, &value).unwrap()), expected);
        assert_eq!(from_msgpack(hex, &ty).unwrap(), value, "{hex}");
    }
}

#[test]
fn any_extension_is_unknown_and_keys_from_the_future_are_skipped() {
    for hex in ["d40500", "d5ff0000", "c70003", "d40c00", "c7000c", "d80000000000000000000000000000000000"] {
        assert_eq!(from_msgpack(hex, &Type::String).unwrap(), Value::unknown(), "{hex}");
    }
    let not_null = Value::refined(Refinements { null: Some(false), ..Refinements::default() });
    // Key 9 holds a map of arrays, floats, text and an extension; key 5 says nothing about a string.
    let body = "83 09 82a16192ca0000000081c0d40000a162c403010203 01c2 0503";
    let hex = format!("c7{:02x}0c{}", bytes(body).len(), body);
    assert_eq!(from_msgpack(&hex, &Type::String).unwrap(), not_null);
    assert!(from_msgpack("c7030c8101a0", &Type::String).is_err(), "not a bool");
}

#[test]
fn long_promises_are_shortened_never_refused_by_the_host() {
    let prefix = "\u{e9}".repeat(400);
    let value =
        Value::refined(Refinements { prefix: Some(prefix.clone()), null: Some(false), ..Refinements::default() });
    let Value::Unknown(Some(sent)) = decode(&encode(&Type::String, &value).unwrap(), &[], &Type::String).unwrap()
    else {
        panic!("promises are lost");
    };
    let sent = sent.prefix.unwrap();
    assert!(sent.len() <= 256 && prefix.starts_with(&sent) && sent.len() > 250, "{}", sent.len());
    let bound = Some((format!("1.{}", "7".repeat(2000)).parse().unwrap(), true));
    let value = Value::refined(Refinements { lower: bound, null: Some(false), ..Refinements::default() });
    assert_eq!(hex::encode(encode(&Type::Number, &value).unwrap()), "c7030c8101c2");
}

#[test]
fn objects_have_exactly_their_attributes() {
    let ty = Type::Object([("a".to_owned(), Type::String), ("b".to_owned(), Type::list(Type::Bool))].into());
    let sent = encode(&ty, &Value::map([("a", Value::string("x"))])).unwrap();
    assert_eq!(hex::encode(&sent), "82a161a178a162c0", "a missing key is null");
    let extra = encode(&ty, &Value::map([("c", Value::Null)])).unwrap_err();
    assert_eq!(extra.to_string(), "c: unsupported attribute");
    for (hex, problem) in [
        ("81a161a178", "an object with 2 attributes is required (1 given)"),
        ("82a161a178a163c0", "unsupported attribute"),
        ("82a161a178a161a178", "a: an attribute occurs twice"),
        ("82a161a178a16292c205", "b[1]: a bool is required"),
        ("82a16105a162c0", "a: a string is required"),
        ("90", "an object is required"),
        ("82a161a178a162c000", "more bytes follow the value"),
        ("82a161a178a162", "b: the bytes end within the value"),
    ] {
        assert_eq!(from_msgpack(hex, &ty).unwrap_err().to_string(), problem, "{hex}");
    }
}

#[test]
fn null_empty_and_null_elements_are_three_things() {
    let ty = Type::list(Type::String);
    for (hex, value) in [
        ("c0", Value::Null),
        ("90", Value::List(Vec::new())),
        ("91c0", Value::List(vec![Value::Null])),
        ("91d40000", Value::List(vec![Value::unknown()])),
    ] {
        assert_eq!(from_msgpack(hex, &ty).unwrap(), value);
        assert_eq!(hex::encode(encode(&ty, &value).unwrap()), hex);
    }
    assert_eq!(decode(&[], &[], &ty).unwrap(), Value::Null, "an empty message is null");
}

#[test]
fn text_leaves_and_arrives_in_normal_form() {
    let decomposed = "e\u{301}";
    for ty in [Type::String, Type::Dynamic] {
        let value = match ty {
            Type::Dynamic => Value::Dynamic(Box::new(Dynamic { ty: Type::String, value: Value::string(decomposed) })),
            _ => Value::string(decomposed),
        };
        let sent = encode(&ty, &value).unwrap();
        assert!(sent.ends_with("\u{e9}".as_bytes()), "{sent:?}");
    }
    assert_eq!(from_msgpack("a365cc81", &Type::String).unwrap(), Value::string("\u{e9}"));
    // Two spellings of one key.
    assert!(from_msgpack("82a365cc81c0a2c3a9c0", &Type::map(Type::String)).is_err());
    assert!(from_msgpack("a1ff", &Type::String).is_err(), "not UTF-8");
}

#[test]
fn a_duplicate_map_key_is_refused() {
    let error = from_msgpack("82a16101a16102", &Type::map(Type::Number)).unwrap_err();
    assert_eq!(error.to_string(), "a map key occurs twice");
}

#[test]
fn json_is_read_as_leniently_as_core_reads_it() {
    let read = |json: &str, ty: &Type| decode(&[], json.as_bytes(), ty);
    for (json, ty, value) in [
        ("9223372036854775808123", Type::Number, number("9223372036854775808123")),
        (
            "0.1000000000000000055511151231257827021181583404541015625",
            Type::Number,
            number("0.1000000000000000055511151231257827021181583404541015625"),
        ),
        ("\"12\"", Type::Number, number("12")),
        ("12.50", Type::String, Value::string("12.50")),
        ("true", Type::String, Value::string("true")),
        ("\"true\"", Type::Bool, Value::Bool(true)),
        ("\"0\"", Type::Bool, Value::Bool(false)),
        (" [ \"e\u{301}\" ] ", Type::set(Type::String), Value::List(vec![Value::string("\u{e9}")])),
        ("null", Type::Dynamic, Value::Null),
        (
            "{\"value\":[1],\"type\":[\"list\",\"number\"]}",
            Type::Dynamic,
            Value::Dynamic(Box::new(Dynamic { ty: Type::list(Type::Number), value: Value::List(vec![Value::int(1)]) })),
        ),
    ] {
        assert_eq!(read(json, &ty).unwrap(), value, "{json}");
    }
    for (json, ty) in [
        ("[1", Type::list(Type::Number)),
        ("\"yes\"", Type::Bool),
        ("1", Type::Bool),
        ("{\"value\":1}", Type::Dynamic),
        ("{\"type\":\"number\",\"value\":1,\"more\":1}", Type::Dynamic),
        ("{}", Type::list(Type::Number)),
        ("1 2", Type::Number),
    ] {
        assert!(read(json, &ty).is_err(), "{json}");
    }
}

#[test]
fn stored_objects_may_lack_attributes_and_hold_others_but_sent_ones_may_not() {
    let inner = Type::Object([("b".to_owned(), Type::Number)].into());
    let ty = Type::Object([("a".to_owned(), Type::String), ("inner".to_owned(), Type::list(inner))].into());
    let json = br#"{"old": 1, "inner": [{"old": {"x": []}}]}"#;
    let stored = decode_stored(json, &ty).unwrap();
    assert_eq!(stored.attr("a"), Value::Null);
    assert_eq!(stored.attr("inner"), Value::List(vec![Value::map([("b", Value::Null)])]));
    assert_eq!(decode(&[], json, &ty).unwrap_err().to_string(), "old: unsupported attribute");
    assert_eq!(decode(&[], br#"{"a":"x"}"#, &ty).unwrap_err().to_string(), "inner: a value is required");
}

#[test]
fn an_answer_that_does_not_fit_keeps_what_does() {
    let ty = Type::Object([("id".to_owned(), Type::String), ("size".to_owned(), Type::Number)].into());
    let value = Value::map([("id", Value::string("x")), ("size", Value::string("big")), ("more", Value::Null)]);
    let (bytes, errors) = encode_salvaging(&ty, &value);
    assert_eq!(decode(&bytes, &[], &ty).unwrap(), Value::map([("id", Value::string("x")), ("size", Value::Null)]));
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["size: the value is not of type number"]);
}

#[test]
fn values_of_another_type_are_not_encoded() {
    let cases = [
        (Type::String, Value::int(1)),
        (Type::list(Type::String), Value::map([("a", Value::Null)])),
        (Type::Tuple(vec![Type::String]), Value::List(Vec::new())),
        (Type::Dynamic, Value::string("x")),
        (Type::map(Type::String), Value::List(Vec::new())),
    ];
    for (ty, value) in cases {
        assert!(encode(&ty, &value).is_err(), "{ty} {value:?}");
    }
}
