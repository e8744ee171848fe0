//! A trained model for each campaign that says some of its features: `model: { name: clicks, given: { item: 12 } }`.
//!
//! What a campaign says is a constant, so each such campaign weighs by a model of its own, whose splits on it are answered. Campaigns that say the same share one.
//! A model that nobody takes as it stands is not in the bundle, so what campaigns say of it has to be found nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use crate::declaration::Named;
use crate::diagnostic::Report;
use crate::folder::Folder;
use crate::journey;
use crate::scorer::{Form, Scorer};

/// Makes those models, names the campaigns' models after them, and settles all that were trained elsewhere.
pub(crate) fn spread(folder: &mut Folder, report: &mut Report) {
    let mut made: Vec<Named<Scorer>> = Vec::new();
    // By the model's place among those that were written, and what is given.
    let mut known: BTreeMap<(usize, Vec<(usize, u64)>), String> = BTreeMap::new();
    let (mut shared, mut whole): (BTreeSet<usize>, BTreeSet<usize>) = (BTreeSet::new(), BTreeSet::new());
    let place = |name: &str| folder.models.iter().position(|model| model.name == name);
    let asked = folder.journeys.iter().flat_map(|journey| journey::models(&journey.item.steps));
    whole.extend(asked.filter_map(|word| place(&word.text)));
    for campaign in &mut folder.campaigns {
        // One that is not there is told by `check`.
        let Some(word) = &mut campaign.model else { continue };
        let Some(at) = folder.models.iter().position(|model| model.name == word.text) else { continue };
        if campaign.given.is_empty() {
            whole.insert(at);
            continue;
        }
        let Some(model) = folder.models.get(at) else { continue };
        let Form::Trained(trained) = &model.item.form else {
            report
                .error("model/given", word.span, format!("`{}` asks no features that could be given", word.text))
                .remedy(format!(
                    "only to a model that was trained elsewhere (`trained:`) something can be given; write `model: {}`",
                    word.text
                ));
            continue;
        };
        shared.insert(at);
        let Some(own) = trained.given(&campaign.given, report) else {
            // What is wrong with it has been told, and nothing follows from it.
            campaign.model = None;
            continue;
        };
        let name = known.entry((at, own.constants())).or_insert_with(|| {
            let name = format!("{}/{}", model.name, campaign.id.text);
            let form = Form::Trained(Box::new(own));
            made.push(Named {
                name: name.clone(),
                span: word.span,
                item: Scorer { bias: model.item.bias, spread: model.item.spread, form },
            });
            name
        });
        word.text.clone_from(name);
    }
    let mut place = 0..folder.models.len();
    folder.models.retain(|_| place.next().is_none_or(|at| !shared.contains(&at) || whole.contains(&at)));
    folder.models.extend(made);
    for model in &mut folder.models {
        if let Form::Trained(trained) = &mut model.item.form {
            trained.settle(report);
        }
    }
}
