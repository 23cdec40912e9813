TOP := ../..
ROOM := tests/tools
PROGRAMS := wire
wire_SRC := wire.c frame.c
PLAIN := 1
include $(TOP)/common/build.mk
