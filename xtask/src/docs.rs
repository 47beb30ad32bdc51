//! `cargo xtask docs`: writes the registry pages from the schema, the examples and the templates.
//!
//! A page is: front matter, title, the schema's description, the template's prose (`templates/<kind>/<name>.md`, optional),
//! the example, the schema, and how to import. `--check` fails if a page on disk is not what would be written, or if there
//! is one for a type that does not exist. Guides made of tables (`docs_guides.rs`) are pages too. Layout as the registry wants it: `docs/index.md`, `docs/resources/NAME.md`,
//! `docs/data-sources/NAME.md`, `docs/functions/NAME.md` (`docs_functions.rs`), where NAME is the type without the provider's prefix.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ackone::framework::schema::{Attribute, Kind, Mode, Nesting, Replace, Schema};
use ackone::framework::types::Type;
use ackone::framework::value::Value;

use super::{StepError, docs_functions, docs_guides};

/// Writes the pages.
pub(crate) fn write() -> Result<(), StepError> {
    let root = root();
    let pages = pages(&root)?;
    for (path, text) in &pages {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(root.join(folder))?;
        }
        fs::write(root.join(path), text)?;
    }
    for stray in strays(&root, &pages)? {
        fs::remove_file(root.join(&stray))?;
        eprintln!("removed {}", stray.display());
    }
    eprintln!("{} pages written", pages.len());
    Ok(())
}

/// Fails if a page on disk differs from what would be written.
pub(crate) fn check() -> Result<(), StepError> {
    let root = root();
    let pages = pages(&root)?;
    let mut wrong: Vec<String> = pages
        .iter()
        .filter(|(path, text)| fs::read_to_string(root.join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    wrong.extend(strays(&root, &pages)?.iter().map(|path| path.display().to_string()));
    if wrong.is_empty() {
        eprintln!("{} pages are current", pages.len());
        return Ok(());
    }
    Err(format!("Not current: {}. Run `cargo xtask docs` and commit the result.", wrong.join(", ")).into())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

pub(crate) type Pages = BTreeMap<PathBuf, String>;

fn pages(root: &Path) -> Result<Pages, StepError> {
    let mut pages = Pages::new();
    pages.insert("docs/index.md".into(), index(root)?);
    pages.insert(crate::troubleshooting::PATH.into(), crate::troubleshooting::page());
    for resource in ackone::resources::all() {
        let page = Page {
            type_name: resource.type_name(),
            noun: "Resource",
            folder: "resources",
            example: "resource.tf",
            schema: resource.schema(),
            import: true,
        };
        pages.insert(page.path(), page.render(root)?);
    }
    for data_source in ackone::data_sources::all() {
        let page = Page {
            type_name: data_source.type_name(),
            noun: "Data Source",
            folder: "data-sources",
            example: "data-source.tf",
            schema: data_source.schema(),
            import: false,
        };
        pages.insert(page.path(), page.render(root)?);
    }
    pages.extend(docs_functions::pages(root)?);
    pages.extend(docs_guides::pages());
    Ok(pages)
}

/// Generated folders may hold nothing else.
fn strays(root: &Path, pages: &Pages) -> Result<Vec<PathBuf>, StepError> {
    let mut strays = Vec::new();
    for folder in ["docs/resources", "docs/data-sources", "docs/functions"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let path = Path::new(folder).join(entry?.file_name());
            if !pages.contains_key(&path) {
                strays.push(path);
            }
        }
    }
    Ok(strays)
}

pub(crate) fn optional(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim_end().to_owned())
}

pub(crate) fn required(path: &Path) -> Result<String, StepError> {
    optional(path).ok_or_else(|| format!("{} is missing: every type has an example", path.display()).into())
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text.trim_end_matches('.'), |(first, _)| first)
}

fn index(root: &Path) -> Result<String, StepError> {
    let schema = ackone::provider::schema();
    let example = required(&root.join("examples/provider/provider.tf"))?;
    let mut text = format!(
        "---\npage_title: \"Provider: ackone\"\ndescription: |-\n  {}.\n---\n\n# ackone Provider\n\n{}\n",
        first_sentence(&schema.description),
        schema.description
    );
    if let Some(prose) = optional(&root.join("templates/index.md")) {
        text.push_str(&format!("\n{prose}\n"));
    }
    text.push_str(&format!("\n## Example Usage\n\n```terraform\n{example}\n```\n"));
    text.push_str(&schema_section(&schema));
    Ok(text)
}

struct Page<'a> {
    type_name: &'static str,
    noun: &'static str,
    folder: &'static str,
    example: &'static str,
    schema: &'a Schema,
    import: bool,
}

impl Page<'_> {
    fn name(&self) -> &'static str {
        self.type_name.strip_prefix("ackone_").unwrap_or(self.type_name)
    }

    fn path(&self) -> PathBuf {
        format!("docs/{}/{}.md", self.folder, self.name()).into()
    }

    fn render(&self, root: &Path) -> Result<String, StepError> {
        let examples = root.join("examples").join(self.folder).join(self.type_name);
        let example = required(&examples.join(self.example))?;
        let mut text = format!(
            "---\npage_title: \"{title} {noun} - ackone\"\nsubcategory: \"\"\ndescription: |-\n  {first}.\n---\n\n\
             # {title} ({noun})\n\n{description}\n",
            title = self.type_name,
            noun = self.noun,
            first = first_sentence(&self.schema.description),
            description = self.schema.description,
        );
        if let Some(prose) = optional(&root.join("templates").join(self.folder).join(format!("{}.md", self.name()))) {
            text.push_str(&format!("\n{prose}\n"));
        }
        text.push_str(&format!("\n## Example Usage\n\n```terraform\n{example}\n```\n"));
        text.push_str(&schema_section(self.schema));
        if self.import {
            let import = required(&examples.join("import.sh"))?;
            let block = required(&examples.join("import.tf"))?;
            text.push_str(&format!(
                "\n## Import\n\nWith an `import` block (Terraform 1.5 or later):\n\n```terraform\n{block}\n```\n\n\
                 With the command line:\n\n```shell\n{import}\n```\n"
            ));
        }
        Ok(text)
    }
}

fn schema_section(schema: &Schema) -> String {
    format!("\n## Schema\n{}", attribute_sections(&schema.attributes))
}

/// Lists of attributes, and a section for each nested object.
pub(crate) fn attribute_sections(top: &[Attribute]) -> String {
    let mut text = String::new();
    let mut nested = Vec::new();
    attributes(top, "", &mut text, &mut nested);
    // Nested schemas follow breadth first; each may add more.
    let mut index = 0;
    while let Some((path, inner)) = nested.get(index).cloned() {
        text.push_str(&format!("\n<a id=\"{}\"></a>\n### Nested Schema for `{path}`\n", anchor(&path)));
        attributes(&inner, &path, &mut text, &mut nested);
        index += 1;
    }
    text
}

fn anchor(path: &str) -> String {
    format!("nested--{}", path.replace('.', "--"))
}

fn attributes(all: &[Attribute], parent: &str, text: &mut String, nested: &mut Vec<(String, Vec<Attribute>)>) {
    type Group = (&'static str, fn(&Attribute) -> bool);
    let groups: [Group; 3] = [
        ("Required", |attribute| attribute.mode == Mode::Required),
        ("Optional", |attribute| matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed)),
        ("Read-Only", |attribute| attribute.mode == Mode::Computed),
    ];
    let heading = if parent.is_empty() { "###" } else { "####" };
    for (title, belongs) in groups {
        let mut members: Vec<&Attribute> = all.iter().filter(|attribute| belongs(attribute)).collect();
        if members.is_empty() {
            continue;
        }
        members.sort_by_key(|attribute| attribute.name);
        text.push_str(&format!("\n{heading} {title}\n\n"));
        for attribute in members {
            line(attribute, parent, text, nested);
        }
    }
}

fn line(attribute: &Attribute, parent: &str, text: &mut String, nested: &mut Vec<(String, Vec<Attribute>)>) {
    let path = if parent.is_empty() { attribute.name.to_owned() } else { format!("{parent}.{}", attribute.name) };
    let mut words = vec![kind_word(attribute)];
    if attribute.sensitive {
        words.push("Sensitive".to_owned());
    }
    if attribute.write_only {
        words.push(
            "[Write-only](https://developer.hashicorp.com/terraform/language/resources/ephemeral#write-only-arguments)"
                .to_owned(),
        );
    }
    text.push_str(&format!("- `{}` ({}) {}", attribute.name, words.join(", "), attribute.description));
    if let Some(default) = attribute.default.as_ref().and_then(default_text)
        && !attribute.description.contains("Default `")
    {
        text.push_str(&format!(" Default `{default}`."));
    }
    match attribute.replace {
        Replace::OnChange => text.push_str(" **A change replaces the object.**"),
        Replace::ByPlan => text.push_str(" **A changed configuration replaces the object.**"),
        Replace::Never => {}
    }
    if let Some(deprecated) = attribute.deprecated {
        text.push_str(&format!(" **Deprecated:** {deprecated}"));
    }
    if let Kind::Nested(_, inner) = &attribute.kind {
        text.push_str(&format!(" (see [below](#{}))", anchor(&path)));
        nested.push((path, inner.clone()));
    }
    text.push('\n');
}

fn kind_word(attribute: &Attribute) -> String {
    match &attribute.kind {
        Kind::Nested(Nesting::Single, _) => "Attributes".to_owned(),
        Kind::Nested(Nesting::List, _) => "Attributes List".to_owned(),
        Kind::Nested(Nesting::Map, _) => "Attributes Map".to_owned(),
        Kind::Value(ty) => type_word(ty),
    }
}

pub(crate) fn type_word(ty: &Type) -> String {
    match ty {
        Type::Dynamic => "Dynamic".to_owned(),
        Type::String => "String".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Bool => "Boolean".to_owned(),
        Type::List(element) => format!("List of {}", type_word(element)),
        Type::Set(element) => format!("Set of {}", type_word(element)),
        Type::Map(element) => format!("Map of {}", type_word(element)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
    }
}

fn default_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}
