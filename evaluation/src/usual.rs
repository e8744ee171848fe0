//! What the columns of a log are called where nobody says otherwise, the first name that is there.

/// What was chosen.
pub const ACTION: [&str; 3] = ["action", "item_id", "creative"];
/// Its probability.
pub const PROBABILITY: [&str; 3] = ["probability", "propensity_score", "pscore"];
/// What it earned.
pub const REWARD: [&str; 2] = ["reward", "click"];
/// Where it was shown.
pub const POSITION: [&str; 2] = ["position", "placement"];
/// Who, or what else rounds have in common.
pub const CLUSTER: [&str; 2] = ["cluster", "visitor"];
