//! Calls about functions. Hosts make them in processes that are never configured.

use std::collections::BTreeMap;

use tfplugin_proto::tfplugin6 as proto;

use super::server::{Server, unsupported};
use super::{from_proto, to_proto};
use crate::framework::diagnostic::Diagnostics;
use crate::framework::erased::AnyFunction;
use crate::framework::function::FunctionError;
use crate::framework::value::Value;

impl Server {
    pub(super) fn function_signatures(&self) -> BTreeMap<String, proto::Function> {
        let functions = self.functions.iter();
        functions.map(|(name, function)| ((*name).to_owned(), to_proto::function(function.signature()))).collect()
    }

    pub(super) fn functions(&self) -> proto::get_functions::Response {
        proto::get_functions::Response { functions: self.function_signatures(), diagnostics: Vec::new() }
    }

    pub(super) fn call_by_name(
        &self,
        request: &proto::call_function::Request,
    ) -> Result<proto::call_function::Response, Diagnostics> {
        let name = &request.name;
        let function = self.functions.get(name.as_str()).ok_or_else(|| unsupported("Function", "function", name))?;
        match called(&**function, &request.arguments) {
            Ok(result) => {
                let result = to_proto::value(&function.signature().returns.ty(), &result)?;
                Ok(proto::call_function::Response { result: Some(result), error: None })
            }
            Err(error) => {
                // Without its text, which may quote an argument.
                tracing::debug!(argument = ?error.argument, "the function has no result for its arguments");
                Ok(proto::call_function::Response { result: None, error: Some(to_proto::function_error(&error)) })
            }
        }
    }
}

fn called(function: &dyn AnyFunction, arguments: &[proto::DynamicValue]) -> Result<Value, FunctionError> {
    let decoded = arguments.iter().enumerate().map(|(index, argument)| match function.signature().parameter(index) {
        Some(parameter) => from_proto::argument(argument, &parameter.ty).map_err(|error| error.at(index)),
        // One too many: the call itself says so.
        None => Ok(Value::Null),
    });
    function.call(&decoded.collect::<Result<Vec<_>, _>>()?)
}
