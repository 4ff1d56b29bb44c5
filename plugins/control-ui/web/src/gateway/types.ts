// What goes over the wire, as far as this page reads it. Every field of an answer may be absent: an older or a newer
// gateway must not break the page, so readers treat what is missing as nothing.

export interface GatewayFailure {
  code: string;
  message: string;
  details?: Record<string, unknown>;
  retryable?: boolean;
  retryAfterMs?: number;
}

export interface Challenge {
  nonce: string;
  ts: number;
}

export interface Hello {
  protocol: number;
  server: { version: string; connId: string; bootId?: string };
  features: { methods: string[]; events: string[]; capabilities?: string[] };
  snapshot: {
    presence?: Presence[];
    health?: Record<string, unknown>;
    uptimeMs?: number;
    sessionDefaults?: { defaultAgentId?: string; mainSessionKey?: string; mainKey?: string; modelConfigured?: boolean };
    configPath?: string;
    stateDir?: string;
    authMode?: string;
  };
  auth: { method?: string; role: string; scopes: string[]; deviceToken?: string };
  policy: { maxPayload?: number; tickIntervalMs?: number; attachments?: { maxBytes?: number; maxImageBytes?: number } };
}

export interface Presence {
  host?: string;
  ip?: string;
  version?: string;
  platform?: string;
  mode?: string;
  reason?: string;
  clientId?: string;
  deviceId?: string;
  ts?: number;
}

export type Block =
  | { type: "text"; text: string }
  | { type: "thinking"; thinking?: string; text?: string }
  | { type: "toolCall"; id: string; name: string; arguments?: unknown }
  | { type: "image"; mimeType?: string; data?: string; omitted?: boolean; artifactId?: string; fileName?: string; source?: { data?: string; media_type?: string } }
  | { type: string; [key: string]: unknown };

export interface Usage {
  input?: number;
  output?: number;
  cacheRead?: number;
  cacheWrite?: number;
  totalTokens?: number;
  cost?: { total?: number };
}

/** A row of a history. */
export interface Message {
  role: "user" | "assistant" | "toolResult" | "system" | string;
  content?: string | Block[];
  timestamp?: number;
  idempotencyKey?: string;
  provider?: string;
  model?: string;
  usage?: Usage;
  stopReason?: string;
  errorMessage?: string;
  toolCallId?: string;
  toolName?: string;
  isError?: boolean;
  openclawAbort?: { aborted?: boolean; runId?: string };
  __openclaw?: { id?: string; seq?: number; runId?: string; idempotencyKey?: string; kind?: string; channel?: string; senderName?: string };
}

export interface History {
  sessionKey: string;
  sessionId?: string;
  messages: Message[];
  hasMore?: boolean;
  totalMessages?: number;
  sessionInfo?: SessionRow;
  metadata?: { models?: ModelRow[]; commands?: CommandRow[] };
}

export interface SessionRow {
  key: string;
  kind?: string;
  sessionId?: string;
  agentId?: string;
  label?: string;
  displayName?: string;
  derivedTitle?: string;
  lastMessagePreview?: string;
  channel?: string;
  updatedAt?: number | null;
  lastActivityAt?: number;
  unread?: boolean;
  pinned?: boolean;
  archived?: boolean;
  hasActiveRun?: boolean;
  activeRunIds?: string[];
  status?: string;
  isMain?: boolean;
  totalTokens?: number;
  contextTokens?: number;
  modelProvider?: string;
  model?: string;
  thinkingLevel?: string;
  thinkingLevels?: { id: string; label?: string }[];
}

export interface ChatEvent {
  runId: string;
  sessionKey: string;
  agentId?: string;
  seq?: number;
  state: "status" | "delta" | "final" | "aborted" | "error";
  phase?: string;
  deltaText?: string;
  replace?: boolean;
  message?: Message;
  stopReason?: string;
  errorMessage?: string;
  errorKind?: string;
}

export interface AgentEvent {
  runId: string;
  sessionKey?: string;
  stream: string;
  data: Record<string, unknown>;
  seq?: number;
  ts?: number;
}

export interface ModelRow {
  id: string;
  name?: string;
  provider: string;
  contextWindow?: number;
  input?: string[];
  reasoning?: boolean;
  tags?: string[];
  available?: boolean;
}

export interface CommandRow {
  name: string;
  textAliases?: string[];
  description?: string;
  category?: string;
  acceptsArgs?: boolean;
}

export interface AgentRow {
  id: string;
  name?: string;
  identity?: { name?: string; emoji?: string; avatar?: string };
  workspace?: string;
  model?: { primary?: string; fallbacks?: string[] };
  thinkingDefault?: string;
}

export interface ChannelAccount {
  accountId: string;
  enabled?: boolean;
  configured?: boolean;
  running?: boolean;
  connected?: boolean;
  linked?: boolean;
  state?: string;
  identity?: unknown;
  plugin?: string;
  lastInboundAt?: number | null;
  lastOutboundAt?: number | null;
  lastEventAt?: number | null;
  lastError?: string | null;
  details?: Record<string, unknown> | null;
  probe?: { ok?: boolean; elapsedMs?: number; error?: string | null } | null;
}

export interface ChannelsStatus {
  ts: number;
  channelOrder: string[];
  channelLabels: Record<string, string>;
  channelAccounts: Record<string, ChannelAccount[]>;
  channelDefaultAccountId?: Record<string, string>;
}

export interface PluginRow {
  id: string;
  name?: string;
  description?: string;
  version?: string;
  status?: string;
  state?: string;
  enabled?: boolean;
  reason?: string;
  error?: string;
  failedAt?: string | null;
  origin?: string;
  source?: string;
  isolation?: string;
  capabilities?: string[];
  registers?: string[];
  loadMs?: number | null;
  generation?: number | null;
  sha256?: string | null;
  quarantinedUntilMs?: number | null;
  metrics?: Record<string, number>;
  usage?: { rssBytes?: number; memoryBytes?: number; cpuMs?: number; pid?: number; [key: string]: unknown } | null;
}

export interface ConfigSnapshot {
  path?: string;
  exists?: boolean;
  raw?: string | null;
  parsed?: Record<string, unknown>;
  config?: Record<string, unknown>;
  sourceConfig?: Record<string, unknown>;
  valid?: boolean;
  issues?: { path?: string; message: string }[];
  warnings?: (string | { path?: string; message: string })[];
  hash?: string;
}
