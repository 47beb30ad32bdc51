//! Bytes that no host sends: decoders answer errors, soon, and reserve no more than the bytes justify.
//!
//! [`decoders_hold`] is the body of a fuzz target as a plain function; here it runs over a corpus, over random bytes and
//! over mutations of valid ones.

use proptest::prelude::*;

use crate::framework::conformance::generate::any_typed_value;
use crate::framework::types::Type;
use crate::framework::value::Value;
use crate::protocol::dynamic_value::{decode, decode_stored, encode};

/// The type of every object under test: each kind of value, each collection, `dynamic`.
fn wide_type() -> Type {
    let object = Type::Object([("n".to_owned(), Type::Number), ("d".to_owned(), Type::Dynamic)].into());
    Type::Object(
        [
            ("any".to_owned(), Type::Dynamic),
            ("flag".to_owned(), Type::Bool),
            ("list".to_owned(), Type::list(object.clone())),
            ("map".to_owned(), Type::map(object)),
            ("set".to_owned(), Type::set(Type::String)),
            ("tuple".to_owned(), Type::Tuple(vec![Type::String, Type::Number])),
        ]
        .into(),
    )
}

/// Whatever the bytes are: no panic, and what decodes can be encoded and decodes to the same again.
fn decoders_hold(bytes: &[u8]) {
    for ty in [wide_type(), Type::Dynamic, Type::Number, Type::map(Type::list(Type::String))] {
        for value in [decode(bytes, &[], &ty), decode(&[], bytes, &ty), decode_stored(bytes, &ty)].into_iter().flatten()
        {
            let again = encode(&ty, &value).unwrap();
            assert_eq!(without_empty_promises(decode(&again, &[], &ty).unwrap()), without_empty_promises(value));
        }
    }
}

/// "Known to be null" and lengths beyond 63 bits are read but never sent.
fn without_empty_promises(value: Value) -> Value {
    match value {
        Value::Unknown(_) => Value::unknown(),
        Value::List(elements) => Value::List(elements.into_iter().map(without_empty_promises).collect()),
        Value::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (key, without_empty_promises(value))).collect())
        }
        Value::Dynamic(mut dynamic) => {
            dynamic.value = without_empty_promises(dynamic.value);
            Value::Dynamic(dynamic)
        }
        known => known,
    }
}

/// Each was a way to make some decoder panic, recurse, or reserve gigabytes.
#[test]
fn the_corpus_is_refused_or_read() {
    let nested_pairs = (0..20_000).flat_map(|_| b"\x92\xc4\x09\"dynamic\"".to_vec()).collect::<Vec<_>>();
    let nested_type = format!("{}\"string\"{}", "[\"list\",".repeat(200), "]".repeat(200));
    let mut typed = vec![0x92, 0xc5];
    typed.extend(u16::try_from(nested_type.len()).unwrap().to_be_bytes());
    typed.extend(nested_type.as_bytes());
    typed.push(0xc0);
    let corpus: Vec<Vec<u8>> = vec![
        b"\xdd\xff\xff\xff\xff".to_vec(),
        b"\xdf\xff\xff\xff\xff".to_vec(),
        b"\xdb\xff\xff\xff\xffabc".to_vec(),
        b"\xc6\xff\xff\xff\xffabc".to_vec(),
        b"\xc9\xff\xff\xff\xff\x0c".to_vec(),
        b"\xc7\x06\x0c\xdf\xff\xff\xff\xff\x01".to_vec(),
        b"\xc7\x07\x0c\x81\x09\xdd\xff\xff\xff\xff".to_vec(),
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00".to_vec(),
        b"\xaa1e99999999".to_vec(),
        b"\xac1e-999999999".to_vec(),
        b"\xc1".to_vec(),
        nested_pairs,
        typed,
        b"[".repeat(100_000),
        b"{\"value\":".repeat(50_000),
        b"1e999999999999999999".to_vec(),
        "9".repeat(1_000_000).into_bytes(),
        b"{\"$serde_json::private::Number\":\"1\"}".to_vec(),
        b"\"\\ud800\"".to_vec(),
    ];
    corpus.iter().for_each(|bytes| decoders_hold(bytes));
}

#[test]
fn a_length_that_the_bytes_cannot_hold_is_refused_before_it_is_believed() {
    for (bytes, ty) in [
        (&b"\xdd\xff\xff\xff\xff\xc0"[..], Type::list(Type::String)),
        (b"\xdf\x7f\xff\xff\xff\xa1a\xc0", Type::map(Type::String)),
        (b"\xdb\x7f\xff\xff\xffabc", Type::String),
        (b"\xc9\x7f\xff\xff\xff\x0c", Type::String),
    ] {
        assert_eq!(decode(bytes, &[], &ty).unwrap_err().to_string(), "the bytes end within the value");
    }
}

#[test]
fn a_long_list_of_nulls_costs_memory_in_proportion() {
    // Memory follows the message: a value is a few words, and a message has at most 256 MiB.
    assert!(size_of::<Value>() <= 40, "{}", size_of::<Value>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_hold(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        decoders_hold(&bytes);
    }

    #[test]
    fn mutated_bytes_hold(
        (ty, value) in any_typed_value(),
        mutations in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0_u8..3), 1..4),
    ) {
        let mut bytes = encode(&ty, &value).unwrap();
        for (place, byte, how) in mutations {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.truncate(place),
                _ => bytes.insert(place, byte),
            }
        }
        if let Ok(value) = decode(&bytes, &[], &ty) {
            let again = encode(&ty, &value).unwrap();
            prop_assert_eq!(
                without_empty_promises(decode(&again, &[], &ty).unwrap()),
                without_empty_promises(value)
            );
        }
        decoders_hold(&bytes);
    }
}
