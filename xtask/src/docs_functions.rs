//! Pages of the provider functions. Called by `docs.rs`.
//!
//! A page is: front matter, title, description, the example, the signature, the arguments, and what is returned.

use std::path::Path;

use ackone::framework::function::{Parameter, Signature};
use ackone::framework::schema::Kind;

use super::StepError;
use super::docs::{Pages, attribute_sections, required, type_word};

/// The pages, by path.
pub(crate) fn pages(root: &Path) -> Result<Pages, StepError> {
    let mut pages = Pages::new();
    for function in ackone::functions::all() {
        let name = function.name();
        let example = required(&root.join("examples/functions").join(name).join("function.tf"))?;
        pages.insert(format!("docs/functions/{name}.md").into(), page(name, function.signature(), &example));
    }
    Ok(pages)
}

fn page(name: &str, signature: &Signature, example: &str) -> String {
    let Signature { summary, description, parameters, variadic, returns } = signature;
    let mut text = format!(
        "---\npage_title: \"{name} function - ackone\"\nsubcategory: \"\"\ndescription: |-\n  {summary}.\n---\n\n\
         # function: {name}\n\n{description}\n\n## Example Usage\n\n```terraform\n{example}\n```\n"
    );
    let mut given: Vec<String> =
        parameters.iter().map(|parameter| format!("{} {}", parameter.name, parameter.ty)).collect();
    given.extend(variadic.iter().map(|parameter| format!("{} {}...", parameter.name, parameter.ty)));
    text.push_str(&format!("\n## Signature\n\n```text\n{name}({}) {}\n```\n", given.join(", "), returns.ty()));
    text.push_str("\n## Arguments\n\n");
    for (index, parameter) in parameters.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", index + 1, argument(parameter, "")));
    }
    if let Some(parameter) = variadic {
        text.push_str(&format!("{}. {}\n", parameters.len() + 1, argument(parameter, "Variadic, ")));
    }
    if let Kind::Nested(_, attributes) = returns {
        text.push_str(&format!("\n## Return Value\n\nAn object:\n{}", attribute_sections(attributes)));
    }
    text
}

fn argument(parameter: &Parameter, variadic: &str) -> String {
    let nullable = if parameter.allow_null { ", Nullable" } else { "" };
    format!("`{}` ({variadic}{}{nullable}) {}", parameter.name, type_word(&parameter.ty), parameter.description)
}

#[cfg(test)]
mod tests {
    use ackone::framework::types::Type;

    use super::*;

    #[test]
    fn a_page_shows_how_to_call_the_function() {
        let signature = Signature {
            summary: "Joins texts",
            description: "Joins them.".into(),
            parameters: vec![Parameter::new("separator", Type::String, "Between.")],
            variadic: Some(Parameter::new("parts", Type::list(Type::Number), "Parts.").allow_null()),
            returns: Kind::Value(Type::String),
        };
        let page = page("join", &signature, "x = 1");
        for part in [
            "join(separator string, parts list of number...) string",
            "1. `separator` (String) Between.",
            "2. `parts` (Variadic, List of Number, Nullable) Parts.",
            "# function: join\n\nJoins them.\n",
            "  Joins texts.\n",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(!page.contains("Return Value"));
    }
}
