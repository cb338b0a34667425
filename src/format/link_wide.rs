//! What objects say of the whole link and not of their own code: libraries to look in, names to take for others,
//! settings that must agree. It holds when the member is linked, whichever of its atoms live.

use std::collections::HashSet;
use std::hash::Hash;

use super::ObjectTraits;

/// All that these objects say, each word once, in their order; `None`: nothing.
#[must_use]
pub fn link_wide<'a, 'd: 'a>(
    all: impl Iterator<Item = &'a ObjectTraits<'d>>,
) -> Option<ObjectTraits<'d>> {
    let mut speaking = all.filter(|t| is_speaking(t));
    let mut joined = words_of(speaking.next()?);
    for traits in speaking {
        let (elf, coff, macho) = (&traits.elf, &traits.coff, &traits.macho);
        joined.elf.libraries.extend(&elf.libraries);
        joined.coff.directives.extend(&coff.directives);
        let options = macho.linker_options.iter().cloned();
        joined.macho.linker_options.extend(options);
    }
    once(&mut joined.elf.libraries);
    once(&mut joined.coff.directives);
    once(&mut joined.macho.linker_options);
    Some(joined)
}

/// What an object says of its own code alone.
#[must_use]
pub fn of_code<'d>(traits: &ObjectTraits<'d>) -> ObjectTraits<'d> {
    let mut own = traits.clone();
    own.elf.libraries.clear();
    own.coff.directives.clear();
    own.macho.linker_options.clear();
    own
}

fn is_speaking(traits: &ObjectTraits<'_>) -> bool {
    !traits.elf.libraries.is_empty()
        || !traits.coff.directives.is_empty()
        || !traits.macho.linker_options.is_empty()
}

/// The first of each.
fn once<T: Clone + Eq + Hash>(words: &mut Vec<T>) {
    let mut seen = HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
}

/// The rest says nothing, however it joins others' traits.
fn words_of<'d>(traits: &ObjectTraits<'d>) -> ObjectTraits<'d> {
    let mut words = traits.clone();
    words.elf.executable_stack = false;
    words.elf.properties = None;
    words.elf.attributes = None;
    words.elf.words_only = true;
    words.coff.features = Some(u32::MAX);
    words.coff.exports.clear();
    words.macho.platforms.clear();
    words.macho.objc_image_info = None;
    words
}

/// Do both say the same of their code, as far as it asks something of the whole program or lets it have something?
#[must_use]
pub fn same_of_code(a: &ObjectTraits<'_>, b: &ObjectTraits<'_>) -> bool {
    let of = |t: &ObjectTraits<'_>| (t.elf.executable_stack, t.coff.features);
    of(a) == of(b) && a.elf.properties == b.elf.properties
}

/// What code says of itself that stands in both: no more than both ask for, and all that one lets programs have.
#[must_use]
pub fn milder<'d>(a: &ObjectTraits<'d>, b: &ObjectTraits<'d>) -> ObjectTraits<'d> {
    let mut milder = a.clone();
    milder.elf.executable_stack &= b.elf.executable_stack;
    milder.elf.properties = a.elf.properties.or(b.elf.properties);
    milder.coff.features = match (a.coff.features, b.coff.features) {
        (Some(a), Some(b)) => Some(a | b),
        (a, b) => a.or(b),
    };
    milder
}
