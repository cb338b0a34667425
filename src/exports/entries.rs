//! Which entry of a manifest speaks of which library, found by their names.

use foldhash::HashMap;

use super::plugin_name;
use crate::manifest::{PluginEntry, given_library_name};

/// A manifest's entries. An entry that names a library speaks of it alone; one that names a package, of that
/// package's library, and where only files are known, of those that are called after it.
#[derive(Debug, Clone, Default)]
pub struct Entries<'m> {
    all: &'m [PluginEntry],
    by_library: HashMap<&'m str, Vec<usize>>,
    by_package: HashMap<&'m str, Vec<usize>>,
    /// Of packages, by the plugin that they say or that their name tells: GStreamer's `gst-plugin-json` is `gstjson`.
    by_plugin: HashMap<String, Vec<usize>>,
    /// Of packages, by name with underscores.
    by_snake: HashMap<String, Vec<usize>>,
}

impl<'m> Entries<'m> {
    #[must_use]
    pub fn new(all: &'m [PluginEntry]) -> Self {
        let mut out = Self {
            all,
            ..Self::default()
        };
        for (at, entry) in all.iter().enumerate() {
            if let Some(own) = &entry.library {
                for name in [own, given_library_name(own)] {
                    add(&mut out.by_library, name, at);
                }
                continue;
            }
            let Some(own) = &entry.package else { continue };
            add(&mut out.by_package, own.as_str(), at);
            let snake = own.replace('-', "_");
            let called = snake.strip_prefix("gst_plugin_").map(str::to_owned);
            for plugin in entry.plugin.iter().cloned().chain(called) {
                add(&mut out.by_plugin, plugin, at);
            }
            add(&mut out.by_snake, snake, at);
        }
        out
    }

    /// The entry for a library, `package`'s where that is known: the first of several.
    #[must_use]
    pub fn find(&self, library: &str, package: Option<&str>) -> Option<&'m PluginEntry> {
        self.of(library, package)
            .min()
            .and_then(|at| self.all.get(at))
    }

    /// The entries that speak of none of these libraries, in order.
    #[must_use]
    pub fn unknown(&self, libraries: &[(String, Option<String>)]) -> Vec<&'m PluginEntry> {
        let mut known = vec![false; self.all.len()];
        for (library, package) in libraries {
            for at in self.of(library, package.as_deref()) {
                known[at] = true;
            }
        }
        let entries = self.all.iter().zip(known);
        entries
            .filter(|(_, known)| !known)
            .map(|(e, _)| e)
            .collect()
    }

    fn of(&self, library: &str, package: Option<&str>) -> impl Iterator<Item = usize> + '_ {
        let named = self.by_library.get(library);
        let others = match package {
            Some(package) => [self.by_package.get(package), None],
            None => [
                self.by_plugin.get(plugin_name(library)),
                self.by_snake.get(&library.replace('-', "_")),
            ],
        };
        [named]
            .into_iter()
            .chain(others)
            .flatten()
            .flatten()
            .copied()
    }
}

fn add<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Vec<usize>>, key: K, at: usize) {
    let list = map.entry(key).or_default();
    if list.last() != Some(&at) {
        list.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::Entries;
    use crate::manifest::PluginEntry;

    fn entry(library: Option<&str>, package: Option<&str>, plugin: Option<&str>) -> PluginEntry {
        PluginEntry {
            library: library.map(str::to_owned),
            package: package.map(str::to_owned),
            plugin: plugin.map(str::to_owned),
            ..PluginEntry::default()
        }
    }

    #[test]
    fn by_file_by_package_and_by_what_a_package_is_called_after() {
        let all = [
            entry(Some("libgstone.a"), None, None),
            entry(None, Some("gst-plugin-two"), None),
            entry(None, Some("three-api"), None),
            entry(None, Some("four"), Some("4")),
            entry(Some("gstone"), None, None),
            entry(None, Some("nobody"), None),
        ];
        let entries = Entries::new(&all);
        let at = |library: &str, package: Option<&str>| {
            let found = entries.find(library, package)?;
            all.iter().position(|e| std::ptr::eq(e, found))
        };
        assert_eq!(at("gstone", None), Some(0));
        assert_eq!(at("gstone", Some("other")), Some(0));
        assert_eq!(at("gsttwo", None), Some(1));
        assert_eq!(at("gsttwo", Some("gst-plugin-two")), Some(1));
        // Its package is known, and is another.
        assert_eq!(at("gsttwo", Some("two")), None);
        assert_eq!(at("three_api", None), Some(2));
        assert_eq!(at("gst4", None), Some(3));
        assert_eq!(at("five", None), None);
        let libraries = ["gstone", "gsttwo", "three-api", "gst4"].map(|l| (l.to_owned(), None));
        let unknown = entries.unknown(&libraries);
        assert_eq!(unknown.len(), 1);
        assert_eq!(unknown[0].package.as_deref(), Some("nobody"));
    }
}
