//! What happens around a create or update: checkpoints, conversion of errors, conformance with the plan.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::model::Field;
use super::plan;
use super::private::Private;
use super::resource::{Applying, Context, Resource};
use super::schema::Schema;
use super::value::Value;

/// What is stored and shown after an apply.
#[derive(Clone, Debug)]
pub struct Applied {
    /// New state; null if nothing exists.
    pub state: Value,
    /// New private data.
    pub private: Private,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A create or an update, decoded.
pub(crate) struct Change<'a, R: Resource> {
    /// State before; `None` for a create.
    pub prior: Option<R::State>,
    /// The same as a value; null for a create.
    pub prior_value: &'a Value,
    /// As planned.
    pub planned: R::Plan,
    /// The same as a value.
    pub planned_value: &'a Value,
    /// As written, write-only values included.
    pub config: R::Plan,
    /// Planned private data.
    pub private: Private,
}

/// Runs a create or update so that nothing recorded is lost: not by an error, not by a panic.
pub(crate) async fn run<R: Resource>(
    resource: &R,
    schema: &Schema,
    context: Context,
    change: Change<'_, R>,
) -> Applied {
    let Change { prior, prior_value, planned, planned_value, config, private } = change;
    let checkpoint = Arc::new(Mutex::new(None));
    let mut cx = Applying::<R>::new(context, private.clone(), checkpoint.clone());
    let creating = prior.is_none();
    let work = async {
        match prior {
            None => resource.create(&mut cx, planned, config).await,
            Some(prior) => resource.update(&mut cx, prior, planned, config).await,
        }
    };
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|_| {
        Err(Diagnostic::error(
            "Provider Panic",
            format!(
                "Applying {} stopped at a programming error; the provider's log holds the details. What was recorded \
                 before it is kept in state.\nThis is a bug in the provider; please report it.",
                R::TYPE
            ),
        )
        .into())
    });
    let taint = cx.taint_allowed();
    let mut diagnostics = std::mem::take(&mut cx.warnings);
    match outcome {
        Ok(state) => {
            let state = plan::conform(planned_value, &schema_shape(schema, &state.to_value()));
            Applied { state, private: cx.private, diagnostics }
        }
        Err(errors) => {
            let recorded = checkpoint.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (state, private) = match recorded {
                Some((state, private)) => (schema_shape(schema, &state), private),
                None if creating => (Value::Null, Private::default()),
                None => (prior_value.clone(), private),
            };
            // An error answered to a create that made something would taint it: the next apply would destroy it. Without
            // an error the host compares the state with the plan, and would taint it for a difference.
            if creating && !state.is_null() && !taint {
                diagnostics.extend(errors.into_warnings());
                return Applied { state: plan::conform(planned_value, &state), private, diagnostics };
            }
            diagnostics.extend(errors);
            Applied { state, private, diagnostics }
        }
    }
}

/// The state as it is stored: in the schema's shape, unknowns resolved.
pub(crate) fn schema_shape(schema: &Schema, value: &Value) -> Value {
    match plan::shape(&schema.attributes, plan::resolve(value)) {
        object @ Value::Map(_) => object,
        _ => Value::Null,
    }
}
