//! Client tokens: a repeated write with the same token gets the first answer and changes nothing.
//!
//! Facts: the public documentation. At most 64 ASCII characters; the same token with other parameters is
//! `IdempotentParameterMismatch`. Only accepted writes are remembered, so a refused one may be repeated.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::ApiError;
use super::parameters::Parameters;

/// The parameter's name.
const PARAMETER: &str = "ClientToken";

/// Answers by action and token.
#[derive(Debug, Default)]
pub(crate) struct ClientTokens {
    answers: BTreeMap<(String, String), (String, Value)>,
}

impl ClientTokens {
    /// The first answer to the same write, if there was one.
    pub(crate) fn first_answer(&self, action: &str, parameters: &Parameters) -> Result<Option<Value>, ApiError> {
        let Some(token) = parameters.optional(PARAMETER) else { return Ok(None) };
        if token.len() > 64 || !token.is_ascii() {
            return Err(ApiError::invalid(PARAMETER, "it is not at most 64 ASCII characters."));
        }
        match self.answers.get(&(action.to_owned(), token.to_owned())) {
            None => Ok(None),
            Some((fingerprint, answer)) if *fingerprint == parameters.fingerprint_without(PARAMETER) => {
                Ok(Some(answer.clone()))
            }
            Some(_) => {
                let message = "The request uses the same client token as a previous, but non-identical request.";
                Err(ApiError::new(400, "IdempotentParameterMismatch", message))
            }
        }
    }

    /// Remembers the answer to an accepted write.
    pub(crate) fn remember(&mut self, action: &str, parameters: &Parameters, answer: &Value) {
        if let Some(token) = parameters.optional(PARAMETER) {
            let key = (action.to_owned(), token.to_owned());
            self.answers.insert(key, (parameters.fingerprint_without(PARAMETER), answer.clone()));
        }
    }
}
