// The page begins: the token is taken out of the address before anything else, then the frame is drawn.
import { takeFragmentToken } from "./gateway/keys";
import { keys, socketAddress } from "./gateway/keys";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/chat.css";
import "./styles/parts.css";
import { apply } from "./app/theme";

const token = takeFragmentToken();
if (token) keys.keepToken(socketAddress(), token);
apply();
void import("./app/shell");
