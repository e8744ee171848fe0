//! Feeds and how old they are: a price of yesterday is shown as one of yesterday.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use axum::{Extension, extract::State, response::Response};

use super::{
    chart,
    markup::{DAY, HOUR, Here, Sheet, Text, ago, grouped, nothing, span},
};
use crate::{
    access::Who,
    answer::Refusal,
    feed::{self, Feed},
    site::App,
    store::now,
};

/// The page.
///
/// # Errors
/// When the store cannot be read.
pub async fn page(State(app): State<Arc<App>>, Extension(who): Extension<Who>) -> Result<Response, Refusal> {
    let feeds = app.reader.run("feeds", feed::all).await?;
    let mut main = String::with_capacity(4 * 1024);
    write(&mut main, &feeds, now()).ok();
    let lead = "Stock, prices and margins by place and item. Each campaign says itself from what age on a level counts no more.";
    Ok(Sheet { here: Here::Feeds, title: "Feeds", lead, who: &who }.around(&main))
}

fn write(out: &mut String, feeds: &[Feed], now: i64) -> fmt::Result {
    out.push_str("<section class=\"card\" id=\"feeds\" data-live aria-labelledby=\"feeds-name\">\n<h2 id=\"feeds-name\">Ages of levels</h2>\n");
    if feeds.is_empty() {
        out.push_str(&nothing(
            "None yet. Start with <code>--feed NAME=FILE</code>, or send lines to <code>POST /v1/feeds/NAME</code>.",
        ));
        out.push_str("</section>\n");
        return Ok(());
    }
    out.push_str(
        "<p class=\"legend\"><span class=\"key good\"></span>within the hour <span class=\"key caramel\"></span>of today \
         <span class=\"key bad\"></span>older than a day</p>\n<div class=\"wide\"><table class=\"ages\"><caption class=\"hidden\">Feeds and the \
         ages of their levels</caption>\n<thead><tr><th scope=\"col\">Feed</th><th scope=\"col\" class=\"picture\"><span class=\"hidden\">From the newest to the \
         oldest level, on a scale of ages</span><span class=\"axis marks\">",
    );
    for (_, mark) in chart::MARKS {
        write!(out, "<span>{mark}</span>")?;
    }
    out.push_str(
        "</span></th><th scope=\"col\">Newest</th><th scope=\"col\">Oldest</th><th scope=\"col\">Levels</th><th scope=\"col\">Version</th>\
         <th scope=\"col\">Last change</th></tr></thead>\n<tbody>\n",
    );
    for feed in feeds {
        let (newest, oldest) = ((now - feed.newest).max(0), (now - feed.oldest).max(0));
        let (class, word) = match oldest {
            ms if ms <= HOUR => ("good", "fresh"),
            ms if ms <= DAY => ("caramel", "of today"),
            _ => ("bad", "old"),
        };
        write!(out, "<tr><th scope=\"row\">{}</th><td class=\"picture\">", Text(&feed.feed))?;
        chart::age(out, class, newest, oldest)?;
        writeln!(
            out,
            "</td><td data-label=\"newest\">{}</td><td data-label=\"oldest\">{} <span class=\"tag {class}\">{word}</span></td>\
             <td data-label=\"levels\">{}</td><td data-label=\"version\">{}</td><td data-label=\"last change\">{} ago</td></tr>",
            span(newest),
            span(oldest),
            grouped(feed.levels),
            grouped(feed.version),
            ago(feed.at, now)
        )?;
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    Ok(())
}
