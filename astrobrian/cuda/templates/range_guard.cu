{# USES_VARIABLES { N, t, _violation } #}
{# Records the first cell in which a watched variable is outside of its range, and ends the run. The threads agree on
   that cell and variable by the lowest number; the host looks up the rest, which is rarely needed. #}
{% extends 'common_group.cu' %}
{% set _record = get_array_name(variables['_violation'], access_data=False) %}
{# of nothing: more than the number of any cell and variable, and made of equal bytes #}
{% set _inside = '0x7f7f7f7f' %}

{% block extra_kernel_parameters %}
    int* _first,
{% endblock %}

{% block extra_host_parameters %}
    _first,
{% endblock %}

{% block kernel_maincode %}
    {{scalar_code|autoindent}}
    {{vector_code|autoindent}}
    {% for name in watched %}
    if (_left_{{name}})
        atomicMin(_first, _idx*{{watched|length}} + {{loop.index0}});
    {% endfor %}
{% endblock %}

{% block host_maincode %}
    static int* _first = NULL;
    if (!_first)
        CUDA_SAFE_CALL(cudaMalloc((void**)&_first, sizeof(int)));
    CUDA_SAFE_CALL(cudaMemset(_first, 0x7f, sizeof(int)));
{% endblock %}

{% block extra_kernel_call_post %}
    int _found;
    CUDA_SAFE_CALL(cudaMemcpy(&_found, _first, sizeof(int), cudaMemcpyDeviceToHost));
    if (_found != {{_inside}})
        Network::_globally_stopped = true;
    if (_found != {{_inside}} && !{{_record}}[0])
    {
        const int _cell = _found / {{watched|length}};
        {{_record}}[0] = _found % {{watched|length}} + 1;
        {{_record}}[1] = _cell;
        {{_record}}[3] = {{get_array_name(variables['t'], access_data=False)}}[0];
        {% for name in watched %}
        if ({{_record}}[0] == {{loop.index}})
        {
            {{c_data_type(variables[name].dtype)}} _value;
            CUDA_SAFE_CALL(cudaMemcpy(&_value, {{get_array_name(variables[name], prefix='dev')}} + _cell, sizeof(_value), cudaMemcpyDeviceToHost));
            {{_record}}[2] = _value;
        }
        {% endfor %}
        CUDA_SAFE_CALL(cudaMemcpy(dev{{_record}}, {{_record}}, 4*sizeof({{_record}}[0]), cudaMemcpyHostToDevice));
    }
{% endblock %}

{% block extra_headers %}
#include "network.h"
{% endblock %}
