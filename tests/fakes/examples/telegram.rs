//! A Telegram to try things with: each line of the standard input is a private message of Ada's, and what the bot says
//! is printed. Point `channels.telegram.apiRoot` at the address, with the token that is shown.
use openclaw_fakes::telegram::{Person, Telegram};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (fake, ada) = (Telegram::start().await?, Person { id: 7, name: "Ada" });
    println!(
        "apiRoot {}\nbotToken {}\nAda's id {}",
        fake.root(),
        Telegram::TOKEN,
        ada.id
    );
    let heard = fake.clone();
    tokio::spawn(async move {
        for n in 0.. {
            println!("bot: {}", heard.called("sendMessage", n + 1).await[n]["text"]);
        }
    });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        fake.dm(ada, &line);
    }
    for complaint in fake.complaints() {
        println!("Telegram would not have taken: {complaint}");
    }
    Ok(())
}
