// A bot written with discord.js, which knows nothing of the fake: it is given an address and a token, does what it is
// told in messages, and ends when it is told to. What it can't make sense of ends it with a failure.
import { ActionRowBuilder, AttachmentBuilder, ButtonBuilder, Client, Events, GatewayIntentBits as Intent,
  MessageFlags, ModalBuilder, Partials, TextInputBuilder } from "discord.js";

const [api, token] = process.argv.slice(2);
const client = new Client({
  intents: [Intent.Guilds, Intent.GuildMessages, Intent.MessageContent, Intent.DirectMessages,
    Intent.GuildMessageReactions, Intent.DirectMessageReactions],
  partials: [Partials.Channel, Partials.Message, Partials.Reaction],
  rest: { api, version: "10", retries: 3 },
});
const fail = (why) => { console.error(why); process.exit(1); };
process.on("unhandledRejection", fail);
client.on(Events.Error, fail);
client.on(Events.Debug, (line) => process.env.PEER_DEBUG && console.error(line));

client.once(Events.ClientReady, async () => {
  await client.application.fetch();
  await client.application.commands.set([{ name: "status", description: "How it is",
    options: [{ name: "of", description: "Of what", type: 3, autocomplete: true }] }]);
  const known = await client.application.commands.fetch();
  console.log(`ready ${client.user.tag} ${client.guilds.cache.size} ${known.size}`);
});

const deeds = {
  ping: (message) => message.reply("pong"),
  many: async (message) => { for (let n = 0; n < 5; n++) await message.channel.send(`number ${n}`); },
  file: (message) => message.reply({ content: "a file", files: [new AttachmentBuilder(Buffer.from("inside"), { name: "a.txt" })] }),
  read: async (message) => {
    const text = await (await fetch(message.attachments.first().url)).text();
    await message.reply(`it says ${text}`);
  },
  react: (message) => message.react("👍"),
  thread: async (message) => (await message.startThread({ name: "aside" })).send("in a thread"),
  edit: async (message) => (await message.channel.send("first")).edit("second"),
  remove: async (message) => (await message.channel.send("not for long")).delete(),
  history: async (message) => message.reply(`${(await message.channel.messages.fetch({ limit: 3 })).size} messages`),
  pin: (message) => message.pin(),
  who: async (message) => message.reply((await message.guild.members.fetch(message.author.id)).displayName),
  private: async (message) => (await message.author.createDM()).send("between us"),
  button: (message) => message.reply({ content: "press", components: [
    new ActionRowBuilder().addComponents(new ButtonBuilder({ customId: "yes", label: "Yes", style: 1 }))] }),
  bye: async (message) => { await message.reply("bye"); await client.destroy(); process.exit(0); },
};

client.on(Events.MessageCreate, async (message) => {
  if (message.author.bot) return;
  const deed = deeds[message.content.split(" ").at(-1)];
  if (!deed) return void await message.reply(`heard ${message.content}`);
  await deed(message);
});
client.on(Events.MessageReactionAdd, async (reaction, user) => {
  if (user.id !== client.user.id) await reaction.message.channel.send(`saw ${reaction.emoji.name}`);
});
client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isAutocomplete()) return void await interaction.respond([{ name: "all", value: "all" }]);
  if (interaction.isChatInputCommand()) {
    await interaction.deferReply({ flags: MessageFlags.Ephemeral });
    await interaction.editReply(`status of ${interaction.options.getString("of")}`);
    await interaction.followUp({ content: "and more", flags: MessageFlags.Ephemeral });
  } else if (interaction.isButton()) {
    await interaction.showModal(new ModalBuilder({ customId: "form", title: "Why?" }).addComponents(
      new ActionRowBuilder().addComponents(new TextInputBuilder({ customId: "why", label: "Why", style: 1 }))));
  } else if (interaction.isModalSubmit()) {
    await interaction.reply(`because ${interaction.fields.getTextInputValue("why")}`);
  }
});
await client.login(token);
