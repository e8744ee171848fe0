//! Somebody to explain: a session from a snapshot, or from a story that was played to its end.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use petitfour::engine::{Engine, Explanation, Session};
use petitfour::rule;
use petitfour::time::Moment;
use petitfour_compiler::story::{self, Names, Stories, Story};

use crate::player::Player;
use crate::{folder, replay};

/// Somebody at a moment.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) at: Moment,
    /// Bins of the attributes, as of the last look.
    pub(super) bins: Vec<u16>,
    session: Session,
}

impl Person {
    /// Reads a person; `None` when the tests have faults, which have been printed.
    pub(super) fn meet(
        told: &str,
        engine: &Arc<Engine>,
        names: &Names,
        at: Option<&str>,
        timezone: Option<&str>,
    ) -> anyhow::Result<Option<Self>> {
        let (file, name) = parts(told);
        if !folder::is_test(file) {
            let at = at.context("give `--at`: a snapshot does not say when")?;
            let at = replay::moment(at, timezone.unwrap_or("UTC"))?;
            let session = replay::snapshot(engine, file)?;
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Some(Self { name, at, bins: Vec::new(), session }));
        }
        let stories = story::read(&folder::tests(&[file.to_path_buf()])?, names);
        if stories.has_errors() {
            folder::print_all(&stories.diagnostics, &stories.sources);
            return Ok(None);
        }
        let story = choose(&stories, file, name)?;
        let mut player = Player::meet(engine, &story.chance)?;
        for step in &story.steps {
            // Who explains asks what there is; what was expected is `petitfour test`'s to tell.
            let _ = player.play(step);
        }
        let (session, end) = player.leave();
        let at = match at {
            Some(at) => replay::moment(at, timezone.unwrap_or(&offset(end)))?,
            None => end,
        };
        if at.now < end.now {
            bail!("`--at` lies before the end of the test `{}`", story.name.text);
        }
        Ok(Some(Self { name: story.name.text.clone(), at, bins: Vec::new(), session }))
    }

    /// What they see at a placement, and why.
    pub(super) fn look(&mut self, placement: &str) -> Explanation {
        let why = self.session.explain(placement, self.at);
        let engine = Arc::clone(self.session.engine());
        self.bins.resize(engine.catalog().attributes().len(), 0);
        rule::bin(engine.catalog(), self.session.inputs(), &mut self.bins);
        why
    }
}

/// A file, and the name of a test in it.
pub(super) fn parts(told: &str) -> (&Path, Option<&str>) {
    match told.split_once('#') {
        Some((file, name)) if folder::is_test(Path::new(file)) => (Path::new(file), Some(name)),
        _ => (Path::new(told), None),
    }
}

/// Gives two of one name a number each.
pub(super) fn tell_apart(people: &mut [Person]) {
    if let [one, other] = people
        && one.name == other.name
    {
        one.name.push_str(" (1)");
        other.name.push_str(" (2)");
    }
}

fn choose<'a>(stories: &'a Stories, file: &Path, name: Option<&str>) -> anyhow::Result<&'a Story> {
    let known = stories.stories.iter().map(|story| story.name.text.as_str());
    match (name, stories.stories.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => bail!(
            "name one of the tests, as in `{}#{}`; it has: {}",
            file.display(),
            known.clone().next().unwrap_or_default(),
            known.collect::<Vec<_>>().join(", "),
        ),
        (Some(name), all) => {
            replay::check(name, "test", &format!(" in {}", file.display()), known)?;
            all.iter().find(|story| story.name.text == name).context("the test that was just found")
        }
    }
}

fn offset(moment: Moment) -> String {
    let minutes = moment.offset_minutes.unsigned_abs();
    let sign = if moment.offset_minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}
