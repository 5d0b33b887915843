module bench-truth

go 1.24
