//! A Discord to try things with: each line of the standard input is a message of Ada's in `#general` of a guild, and
//! what the bot says is printed. Prints what a client needs first.
use openclaw_fakes::discord::{Discord, Person};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (fake, ada) = (
        Discord::start().await?,
        Person {
            id: 70_001,
            name: "Ada",
        },
    );
    let guild = fake.guild("Home");
    let general = fake.channel(guild, "general");
    fake.join(guild, ada, &[]);
    println!("base {}", fake.base());
    println!(
        "token {}\nguild {guild}\ngeneral {general}\nAda's id {}",
        fake.bot().token,
        ada.id
    );
    let heard = fake.clone();
    tokio::spawn(async move {
        for n in 0.. {
            let said = heard.until(|fake| fake.said_by_bots().get(n).cloned()).await;
            println!("bot: {}", said["content"]);
        }
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        fake.say(general, ada, &line);
    }
    for complaint in fake.complaints() {
        println!("Discord would not have taken: {complaint}");
    }
    Ok(())
}
