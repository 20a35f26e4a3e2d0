"""What `onemq doctor` looks at. Each check says what it found and what to do; none changes anything that stays."""
