"""OSC: from a socket's datagrams to gestures, and the echo. Inside the hands."""
