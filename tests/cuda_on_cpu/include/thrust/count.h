#pragma once
#include "stand_in/thrust.h"
